/**
 * `pipeline watch`: runs the targets, and again whenever a source, a stage or a recipe changes. Each run is a process of
 * its own, because new code needs a new compile; one at a time, and changes during a run make one more after it.
 */
import { join } from "node:path";
import { watch } from "chokidar";
import { execa } from "execa";
import type { CliContext, RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { oneAtATime } from "../one-at-a-time.ts";
import { recipeFlags } from "../recipe-flags.ts";

/** Editors write in several steps. */
const quietMs = 200;

export async function watchCommand(
  { host, streams }: CliContext,
  targets: readonly string[],
  recipe: RecipeOptions,
): Promise<number> {
  const { projectRoot, packageRoot } = host;
  const command = [join(packageRoot, "bin", "pipeline.js"), "run", ...targets, ...recipeFlags(recipe)];
  const runs = oneAtATime(async () => {
    // Ctrl-C reaches the child too: it writes its checkpoint, and this process waits for it.
    await execa(process.execPath, command, { cwd: projectRoot, stdio: "inherit", reject: false });
    streams.stderr.write("watching for changes; Ctrl-C ends\n");
  });
  const watched = ["pipeline.ts", "stages", "src", "configs"].map((name) => join(projectRoot, name));
  const watcher = watch(watched, {
    ignoreInitial: true,
    awaitWriteFinish: { stabilityThreshold: quietMs, pollInterval: quietMs / 4 },
  });
  watcher.on("all", () => {
    runs.request();
  });
  runs.request();
  await new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
  await watcher.close();
  await runs.idle();
  return exitCodes.interrupted;
}
