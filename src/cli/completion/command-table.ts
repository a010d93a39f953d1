/**
 * The commands as shells complete them, read from the commander tree: what may follow where. Which words stand for an
 * argument or an option's value is decided here, by the name that help shows.
 */
import type { Argument, Command, Option } from "commander";

/** Words that are looked up when they are needed: `completionWords` of bin/completion-words.js. */
export type WordKind = "targets" | "stages" | "runs" | "recipes";

export interface Offer {
  readonly kinds: readonly WordKind[];
  readonly choices: readonly string[];
  readonly files: boolean;
}

export interface OptionEntry {
  /** `--force` */
  readonly flag: string;
  readonly description: string;
  /** Undefined where it takes no value. */
  readonly value: Offer | undefined;
}

export interface CommandEntry {
  /** `engine install`; empty for the program itself. */
  readonly path: string;
  readonly description: string;
  readonly options: readonly OptionEntry[];
  /** In order; where the last one may be repeated, `repeats`. */
  readonly arguments: readonly Offer[];
  readonly repeats: boolean;
  readonly subcommands: readonly { readonly name: string; readonly description: string }[];
}

const NOTHING: Offer = { kinds: [], choices: [], files: false };
const words = (...kinds: WordKind[]): Offer => ({ ...NOTHING, kinds });
const FILES: Offer = { ...NOTHING, files: true };

/** By the name of the argument, for one command or for all. */
const ARGUMENTS: Readonly<Record<string, Offer>> = {
  targets: words("targets"),
  target: { ...words("targets"), files: true },
  stages: words("stages"),
  stage: words("stages"),
  "why stage": words("targets"),
  "verify stage": words("targets"),
  "accept stage": words("targets"),
  run: words("runs"),
  old: words("runs"),
  new: words("runs"),
  "export-run what": words("targets", "runs"),
  "lineage what": { ...words("targets"), files: true },
  config: { ...words("recipes"), files: true },
  file: FILES,
  source: FILES,
  text: NOTHING,
};

const SELECTION = words("targets");
const OPTIONS: Readonly<Record<string, Offer>> = {
  "--config": { ...words("recipes"), files: true },
  "--force": SELECTION,
  "--from": SELECTION,
  "--until": SELECTION,
  "--only": SELECTION,
  "--run": words("runs"),
  "--stage": words("stages"),
  "--output": FILES,
};

/** The program first, then every command and subcommand. */
export function commandTable(program: Command): readonly CommandEntry[] {
  const shared = [
    ...program.options.map(optionEntry),
    { flag: "--help", description: "display help for command", value: undefined },
  ];
  const visit = (command: Command, path: string): CommandEntry[] => {
    const own = command === program ? [] : command.options.map(optionEntry);
    const subcommands = visibleSubcommands(command);
    const entry: CommandEntry = {
      path,
      description: command.description(),
      options: [...own, ...shared.filter(({ flag }) => command === program || flag !== "--version")],
      arguments: command.registeredArguments.map((argument) => argumentOffer(path, argument)),
      repeats: command.registeredArguments.at(-1)?.variadic ?? false,
      subcommands: subcommands.map((each) => ({ name: each.name(), description: each.description() })),
    };
    return [
      entry,
      ...subcommands.flatMap((each) => visit(each, path === "" ? each.name() : `${path} ${each.name()}`)),
    ];
  };
  return visit(program, "");
}

/** Those that help shows, without the `help` that commander adds to a group. */
function visibleSubcommands(command: Command): readonly Command[] {
  const shown = command.createHelp().visibleCommands(command);
  return command.commands.filter((each) => shown.includes(each));
}

const optionEntry = (option: Option): OptionEntry => ({
  flag: option.long ?? option.flags,
  description: option.description,
  value: option.required || option.optional ? optionOffer(option) : undefined,
});

function optionOffer({ long, argChoices }: Option): Offer {
  if (argChoices !== undefined) return { ...NOTHING, choices: argChoices };
  return OPTIONS[long ?? ""] ?? NOTHING;
}

/** Throws for an argument of which nobody has said what it stands for. */
function argumentOffer(path: string, argument: Argument): Offer {
  if (argument.argChoices !== undefined) return { ...NOTHING, choices: argument.argChoices };
  const offer = ARGUMENTS[`${path} ${argument.name()}`] ?? ARGUMENTS[argument.name()];
  if (offer === undefined) throw new Error(`what may be offered for <${argument.name()}> of ${path}?`);
  return offer;
}
