/** Commands about runs that repeat, and runs that other processes execute. */
import type { AttachOptions } from "../commands/attach.ts";
import type { StopOptions } from "../commands/stop.ts";
import type { WatchOptions } from "../commands/watch.ts";
import { jsonOption, recipe } from "./options.ts";
import type { CommandParts } from "./command-parts.ts";

export function addLiveCommands({ command, context, finish }: CommandParts): void {
  recipe(
    command("watch [targets...]", "run, and run again whenever a source, a recipe or a data file changes"),
  )
    .option("--dry-run", "say what is watched and what would run; run nothing")
    .option("--json", "one event a line on standard output")
    .action(async (targets: string[], options: WatchOptions) => {
      const { watchCommand } = await import("../commands/watch.ts");
      finish(await watchCommand(context, targets, options));
    });

  command("attach [run]", "show a run that goes on in the background or in another terminal")
    .addHelpText(
      "after",
      "\nRUN is the run's id, or a beginning or end of it; without it, the newest run that is alive.\nCtrl-C leaves the run as it is. The exit code is that of the run.",
    )
    .option("--json", "its events, one a line, on standard output")
    .action(async (run: string | undefined, options: AttachOptions) => {
      const { attachCommand } = await import("../commands/attach.ts");
      finish(await attachCommand(context, run, options));
    });

  command("stop [run]", "ask a run for checkpoints, and wait until it has ended")
    .addHelpText(
      "after",
      "\nRUN is the run's id, or a beginning or end of it; it may be left out where one run is alive.\nThe next `run` goes on from the checkpoints.",
    )
    .option("--now", "do not wait for checkpoints: the last ones stay")
    .addOption(jsonOption())
    .action(async (run: string | undefined, options: StopOptions) => {
      const { stopCommand } = await import("../commands/stop.ts");
      finish(await stopCommand(context, run, options));
    });
}
