/** Completion for fish, to be sourced or saved as completions/pipeline.fish. */
import type { CommandEntry, Offer } from "./command-table.ts";
import { menuText } from "./shell-words.ts";

/** `lookUp`: the command line that prints words of the kinds that are put behind it, its words apart. */
export function fishScript(table: readonly CommandEntry[], lookUp: readonly string[]): string {
  return `# fish completion for pipeline
function __pipeline_words
    ${lookUp.map(quoted).join(" ")} $argv 2>/dev/null
end

# Whether the words before the cursor, without options, begin with these.
function __pipeline_in
    set -l typed (commandline -opc)
    set -e typed[1]
    set typed (string match -v -- '-*' $typed)
    for i in (seq (count $argv))
        test "$typed[$i]" = "$argv[$i]"; or return 1
    end
end

# Whether they are just these: a command comes next.
function __pipeline_at
    set -l typed (commandline -opc)
    set -e typed[1]
    set typed (string match -v -- '-*' $typed)
    test "$typed" = "$argv"
end

# npx pipeline …: what stands behind npx, as if it stood alone.
function __pipeline_behind_npx
    set -l typed (commandline -opc)
    test "$typed[2]" = pipeline
end
function __pipeline_without_npx
    set -l typed (commandline -opc)
    complete -C (string join ' ' -- (string escape -- $typed[2..]) (commandline -ct))
end
complete -c npx -n __pipeline_behind_npx -xa '(__pipeline_without_npx)'

complete -c pipeline -f
${table.flatMap(completions).join("\n")}`;
}

function completions(entry: CommandEntry): readonly string[] {
  const { path, subcommands, options } = entry;
  const at = `complete -c pipeline -n ${quoted(path === "" ? "__pipeline_at" : `__pipeline_at ${path}`)}`;
  // What all commands take stands once, under the program itself.
  const inside =
    path === "" ? "complete -c pipeline" : `complete -c pipeline -n ${quoted(`__pipeline_in ${path}`)}`;
  const flags = options.map(({ flag, description, value }) =>
    [
      inside,
      `-l ${flag.replace(/^--/, "")}`,
      ...(value === undefined ? [] : [value.files ? "-r" : "-x", ...offered(value)]),
      `-d ${quoted(menuText(description))}`,
    ].join(" "),
  );
  const commands = subcommands.map(
    ({ name, description }) => `${at} -a ${name} -d ${quoted(menuText(description))}`,
  );
  const places = entry.arguments.flatMap((offer) => offered(offer).map((each) => `${inside} ${each}`));
  return [
    ...commands,
    ...(path === "" ? flags : flags.filter((line) => !isShared(line))),
    ...new Set(places),
  ];
}

const isShared = (line: string): boolean => / -l (?:help|verbose|no-color) -d /.test(line);

function offered({ kinds, choices, files }: Offer): readonly string[] {
  const words = [...kinds.map((kind) => `(__pipeline_words ${kind})`), ...choices];
  return [...(words.length === 0 ? [] : [`-a ${quoted(words.join(" "))}`]), ...(files ? ["-F"] : [])];
}

/** https://fishshell.com/docs/current/language.html#quotes: a backslash and a quote are all that count. */
const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
