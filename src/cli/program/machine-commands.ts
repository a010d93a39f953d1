/** Commands about this machine, the engine on it and the shell. */
import { Argument, Option } from "commander";
import { userError } from "../../errors.ts";
import type { RecipeOptions } from "../cli-context.ts";
import type { Shell } from "../commands/completion.ts";
import type { EngineKindOptions } from "../commands/engine.ts";
import type { DoctorOptions } from "../commands/doctor.ts";
import type { EngineDumpOptions } from "../commands/engine-dump.ts";
import type { EstimateOptions } from "../commands/estimate.ts";
import { jsonOption, recipe, type JsonOption } from "./options.ts";
import type { CommandParts } from "./command-parts.ts";

export function addMachineCommands({ command, program, context, finish }: CommandParts): void {
  const engine = command("engine", "the library that computes: native TensorFlow, or WebAssembly");
  engine
    .command("install")
    .description("install native TensorFlow for this user, by the first way that works here")
    .option(
      "--gpu",
      "TensorFlow with CUDA and its libraries (3.4 GB to fetch); computes on the CPU where there is no GPU",
    )
    .option("--cpu", "TensorFlow without CUDA, beside the other")
    .addHelpText("after", ENGINE_HELP)
    .addOption(jsonOption())
    .action(async (options: EngineKindOptions) => {
      const { engineInstallCommand } = await import("../commands/engine.ts");
      finish(await engineInstallCommand(context, options));
    });
  engine
    .command("list")
    .description("what is installed, and which engine is used and why")
    .addOption(jsonOption())
    .action(async (options: JsonOption) => {
      const { engineListCommand } = await import("../commands/engine.ts");
      finish(await engineListCommand(context, options));
    });
  engine
    .command("remove")
    .description("remove every engine that `install` made, and what it had fetched")
    .option("--gpu", "only what has CUDA")
    .option("--cpu", "only what has none")
    .addOption(jsonOption())
    .action(async (options: EngineKindOptions) => {
      const { engineRemoveCommand } = await import("../commands/engine.ts");
      finish(await engineRemoveCommand(context, options));
    });

  recipe(
    engine
      .command("dump <stage>")
      .description(
        "the program that pretrain, sft or dpo compiles: a node a line, and figures of each function",
      ),
  )
    .option("--function <name>", "only this function")
    .option("--mermaid", "as Mermaid flowcharts: a box for each block of the model, with counts of ops")
    .addOption(new Option("--expand", "with the parts of each block").implies({ mermaid: true }))
    .addOption(jsonOption())
    .action(async (stage: string, options: EngineDumpOptions) => {
      const { engineDumpCommand } = await import("../commands/engine-dump.ts");
      finish(await engineDumpCommand(context, stage, options));
    });

  recipe(
    command("estimate", "what the recipe will take: parameters, memory, disk, hours, and whether it fits"),
  )
    .argument("[config]", "the recipe, as --config names it")
    .addHelpText(
      "after",
      "\nExit code 1 where it cannot fit this machine. Hours here are predicted from the last measurement.",
    )
    .option("--measure", "train shallow models of the recipe's shape for ten seconds, to know the speed")
    .addOption(jsonOption())
    .action(async (config: string | undefined, options: EstimateOptions) => {
      const { estimateCommand } = await import("../commands/estimate.ts");
      finish(await estimateCommand(context, withConfig(config, options)));
    });

  command("doctor", "look at this machine and this project, and say what is missing")
    .option("--network", "also ask whether the npm registry can be reached")
    .option(
      "--benchmark",
      "also train for ten seconds, beside compiling, and predict the tokens a second of every recipe",
    )
    .addOption(jsonOption())
    .action(async (options: DoctorOptions) => {
      const { doctorCommand } = await import("../commands/doctor.ts");
      finish(await doctorCommand(context, options));
    });

  command("completion", "print a script that completes commands, options, stages, runs and recipes")
    .addArgument(new Argument("<shell>", "whose script").choices(["bash", "zsh", "fish"]))
    .addHelpText("after", COMPLETION_HELP)
    .action(async (shell: Shell) => {
      const { completionCommand } = await import("../commands/completion.ts");
      finish(completionCommand(context, program, shell));
    });
}

/** A recipe given as an argument counts as `--config`. Throws `OPTIONS_CONFLICT` where both are given. */
function withConfig<Options extends RecipeOptions>(config: string | undefined, options: Options): Options {
  if (config === undefined) return options;
  if (options.config === undefined) return { ...options, config };
  throw userError(
    "OPTIONS_CONFLICT",
    `two recipes are given: ${config}, and --config ${options.config}`,
    "give one of them",
  );
}

const ENGINE_HELP = `
Wheels come from the package index that pip is set to use (PIP_INDEX_URL, pip.conf), and a broken download goes on
where it stopped. Where TensorFlow with CUDA is installed it is used; PIPELINE_ENGINE=tensorflow-cpu computes with the
other, tensorflow-gpu insists on it. Which of them trained is part of a result's identity.`;

const COMPLETION_HELP = `
To install it:
  bash   npx pipeline completion bash > ~/.pipeline-completion.bash
         echo 'source ~/.pipeline-completion.bash' >> ~/.bashrc
  zsh    npx pipeline completion zsh > ~/.pipeline-completion.zsh
         echo 'source ~/.pipeline-completion.zsh' >> ~/.zshrc      (behind compinit)
  fish   npx pipeline completion fish > ~/.config/fish/completions/pipeline.fish

bash completes npx pipeline as well. zsh and fish complete pipeline: add node_modules/.bin to PATH, or make a
function of that name that calls npx pipeline. Names of stages are those that the last command saw. Print the
script again when commands change.`;
