/**
 * Every command with its arguments and options, and nothing of what they do: an action loads its module when
 * it runs, so that `--help` and `plan` start fast.
 */
import { Command, InvalidArgumentError, Option } from "commander";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { columnsOf, type CliContext, type RecipeOptions } from "./cli-context.ts";
import type { CheckCommandOptions } from "./commands/check.ts";
import type { ChatOptions } from "./commands/chat.ts";
import type { DoctorOptions } from "./commands/doctor.ts";
import type { GenerateOptions } from "./commands/generate.ts";
import type { GraphCommandOptions } from "./commands/graph.ts";
import type { LineageCommandOptions } from "./commands/lineage.ts";
import type { PlanCommandOptions } from "./commands/plan.ts";
import type { RunCommandOptions } from "./commands/run.ts";

type JsonOption = { readonly json?: boolean };

/** `finish` is told the exit code of the command that ran. */
export function createProgram(context: CliContext, finish: (exitCode: number) => void): Command {
  const { stdout } = context.streams;
  const program = new Command("pipeline")
    .usage("<command> [options]")
    .description(
      "Builds the artifacts of pipeline.ts: what is cached is not done again, what was interrupted goes on.",
    )
    .version(packageVersion(context.host.packageRoot), "--version")
    .option("--verbose", "show the stack of every error")
    .option("--no-color", "no colours; so does the environment variable NO_COLOR")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      // Help where a command is missing. Errors are left to main.ts.
      writeErr: (text) => context.streams.stderr.write(text),
      outputError: () => undefined,
      getOutHelpWidth: () => Math.min(100, columnsOf(stdout)),
    })
    .configureHelp({ showGlobalOptions: true });

  const command = (usage: string, description: string) => program.command(usage).description(description);
  const json = new Option("--json", "machine-readable output on standard output");

  recipe(command("run [targets...]", "build targets and what they need; no target: everything"))
    .addOption(forceOption())
    .option("--dry-run", "say what would run and why, run nothing")
    .option("--jobs <n>", "CPU slots shared by the stages that run at once", atLeast(1))
    .option("--json", "one event a line on standard output")
    .action(async (targets: string[], options: RunCommandOptions) => {
      const { runCommand } = await import("./commands/run.ts");
      finish(await runCommand(context, targets, options));
    });

  recipe(command("watch [targets...]", "run, and run again whenever a source or a recipe changes")).action(
    async (targets: string[], options: RecipeOptions) => {
      const { watchCommand } = await import("./commands/watch.ts");
      finish(await watchCommand(context, targets, options));
    },
  );

  recipe(command("plan [targets...]", "say what `run` would do and why; writes nothing"))
    .addOption(forceOption())
    .addOption(json)
    .action(async (targets: string[], options: PlanCommandOptions) => {
      const { planCommand } = await import("./commands/plan.ts");
      finish(await planCommand(context, targets, options));
    });

  recipe(command("status", "every stage: cached or not, its last execution, its artifacts"))
    .addOption(json)
    .action(async (options: RecipeOptions & JsonOption) => {
      const { statusCommand } = await import("./commands/status.ts");
      finish(await statusCommand(context, options));
    });

  recipe(command("why <stage>", "why a stage is cached or must run, and what its fingerprint is made of"))
    .addOption(json)
    .action(async (stage: string, options: RecipeOptions & JsonOption) => {
      const { whyCommand } = await import("./commands/why.ts");
      finish(await whyCommand(context, stage, options));
    });

  recipe(command("lineage [what]", "where an artifact came from and what came from it"))
    .addHelpText("after", "\nWHAT is a stage, a path below artifacts/, or a digest of at least 6 digits.")
    .addOption(new Option("--up", "only where it came from").conflicts("down"))
    .addOption(new Option("--down", "only what came from it"))
    .addOption(json)
    .action(async (what: string | undefined, options: LineageCommandOptions) => {
      const { lineageCommand } = await import("./commands/lineage.ts");
      finish(await lineageCommand(context, what, options));
    });

  recipe(command("graph", "the stages and what they hand to each other"))
    .addOption(new Option("--mermaid", "as a Mermaid flowchart").conflicts(["dot", "json"]))
    .addOption(new Option("--dot", "as a Graphviz digraph").conflicts("json"))
    .addOption(json)
    .action(async (options: GraphCommandOptions) => {
      const { graphCommand } = await import("./commands/graph.ts");
      finish(await graphCommand(context, options));
    });

  recipe(command("check", "compare the store with its index"))
    .option("--deep", "read every file and compare its digest, not only its size")
    .addOption(json)
    .action(async (options: CheckCommandOptions) => {
      const { checkCommand } = await import("./commands/check.ts");
      finish(await checkCommand(context, options));
    });

  const engine = command("engine", "the library that computes: native TensorFlow, or WebAssembly");
  engine
    .command("install")
    .description("install native TensorFlow for this user, by the first way that works here")
    .addOption(json)
    .action(async (options: JsonOption) => {
      const { engineInstallCommand } = await import("./commands/engine.ts");
      finish(await engineInstallCommand(context, options));
    });
  engine
    .command("list")
    .description("what is installed, and which engine is used and why")
    .addOption(json)
    .action(async (options: JsonOption) => {
      const { engineListCommand } = await import("./commands/engine.ts");
      finish(await engineListCommand(context, options));
    });
  engine
    .command("remove")
    .description("remove every engine that `install` made")
    .action(async () => {
      const { engineRemoveCommand } = await import("./commands/engine.ts");
      finish(await engineRemoveCommand(context));
    });

  command("doctor", "look at this machine and this project, and say what is missing")
    .option("--network", "also ask whether the npm registry can be reached")
    .addOption(json)
    .action(async (options: DoctorOptions) => {
      const { doctorCommand } = await import("./commands/doctor.ts");
      finish(await doctorCommand(context, options));
    });

  const config = command("config", "the recipe and its schema");
  config
    .command("schema")
    .description("JSON Schema of the recipes, for editors")
    .action(async () => {
      const { configSchemaCommand } = await import("./commands/config.ts");
      finish(await configSchemaCommand(context));
    });
  recipe(
    config.command("show").description("the recipe as it is used: `extends`, defaults and --set applied"),
  )
    .addOption(json)
    .action(async (options: RecipeOptions & JsonOption) => {
      const { configShowCommand } = await import("./commands/config.ts");
      finish(await configShowCommand(context, options));
    });

  sampling(recipe(command("generate <text>", "let the trained model continue a text")), 128)
    .addOption(json)
    .action(async (text: string, options: GenerateOptions) => {
      const { generateCommand } = await import("./commands/generate.ts");
      finish(await generateCommand(context, text, options));
    });
  sampling(recipe(command("chat", "talk to the trained model")), 256)
    .option("--system <text>", "what the model is told before the conversation")
    .addOption(json)
    .action(async (options: ChatOptions) => {
      const { chatCommand } = await import("./commands/chat.ts");
      finish(await chatCommand(context, options));
    });
  return program;
}

function recipe(command: Command): Command {
  return command
    .option("--config <file|name>", "a recipe: a YAML file, or NAME for configs/NAME.yaml")
    .option(
      "--set <path=value>",
      "change one value of the recipe, e.g. pretrain.steps=400; repeatable",
      collect,
      [],
    );
}

function forceOption(): Option {
  return new Option("--force <stage>", "run this stage even if it is cached; repeatable")
    .argParser(collect)
    .default([], "none");
}

function sampling(command: Command, maxTokens: number): Command {
  return command
    .option("--stage <id>", "whose model speaks (default: the most finished one)")
    .option("--max-tokens <n>", "how many tokens it may write", atLeast(1), maxTokens)
    .option("--temperature <t>", "0 takes the most likely token always", within(0, 100), 0.8)
    .option("--top-k <k>", "choose among the k most likely tokens; 0: all", atLeast(0), 50)
    .option("--top-p <p>", "choose among the tokens that make up this share", within(0, 1), 0.95)
    .option("--seed <n>", "the same seed gives the same text", atLeast(0), 0);
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function atLeast(low: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < low)
      throw new InvalidArgumentError(`It must be a whole number from ${low} up.`);
    return value;
  };
}

function within(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!(value >= low && value <= high))
      throw new InvalidArgumentError(`It must be a number from ${low} to ${high}.`);
    return value;
  };
}

function packageVersion(packageRoot: string): string {
  const manifest = join(packageRoot, "package.json");
  if (!existsSync(manifest)) return "unknown";
  const content: unknown = JSON.parse(readFileSync(manifest, "utf8"));
  const isManifest = typeof content === "object" && content !== null && "version" in content;
  return isManifest ? String(content.version) : "unknown";
}
