/** `pipeline watch`: runs the targets, and again whenever something that decides their results changes. */
import { join, relative } from "node:path";
import { listenForInterrupts } from "../../runner/interrupts.ts";
import type { WatchedFiles } from "../../runner/session-types.ts";
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { planText } from "../text/plan-text.ts";
import { table } from "../text/table.ts";
import type { WatchPlan } from "../watch/ask-plan.ts";
import { createFileWatcher } from "../watch/file-watcher.ts";
import { WatchLoop } from "../watch/watch-loop.ts";
import { withSession } from "../with-session.ts";

export interface WatchOptions extends RecipeOptions {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export async function watchCommand(
  context: CliContext,
  targets: readonly string[],
  { dryRun = false, json = false, ...recipe }: WatchOptions,
): Promise<number> {
  if (dryRun) return showWatched(context, targets, { json, ...recipe });
  const { projectRoot } = context.host;
  const inProject = (name: string) => join(projectRoot, name);
  const loop = new WatchLoop(context, { targets, json, ...recipe });
  // Before the first plan, and where it cannot be made: what every project has.
  const watcher = createFileWatcher(
    ["pipeline.ts", "stages", "src", "configs", "settings.yaml"].map(inProject),
    ["cache", "artifacts"].map(inProject),
    loop.changed,
  );
  const interrupts = listenForInterrupts((which) => loop.interrupt(which));
  const hangUp = (): void => loop.interrupt("first");
  process.on("SIGHUP", hangUp);
  try {
    await loop.watch(watcher);
  } finally {
    process.off("SIGHUP", hangUp);
    interrupts.dispose();
    await watcher.close();
  }
  return exitCodes.interrupted;
}

async function showWatched(
  context: CliContext,
  targets: readonly string[],
  { json, ...recipe }: WatchOptions,
): Promise<number> {
  const answer = await withSession(context, recipe, async (session): Promise<WatchPlan> => {
    return { plan: await session.plan(targets), watched: await session.watched() };
  });
  if (json === true) printJson(context, answer);
  else {
    print(context, watchedText(answer.watched, context));
    print(context, `\n${planText(answer.plan, context.paint)}`);
  }
  return exitCodes.ok;
}

function watchedText(
  { sources, recipes, settings, data }: WatchedFiles,
  { host, paint }: CliContext,
): string {
  const groups = { sources, recipes, settings: [settings], data };
  const rows = Object.entries(groups).flatMap(([group, paths]) =>
    paths.map((path, index) => [
      { text: index === 0 ? group : "", style: "bold" as const },
      { text: relative(host.projectRoot, path) },
    ]),
  );
  return table(rows, paint).join("\n");
}
