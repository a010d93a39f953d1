/** `pipeline run --detach`: starts the run in the background and returns when its first stage is looked at. */
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { followEvents } from "../../runner/follow-events.ts";
import { eventsFile, outputFile } from "../../runner/run-files.ts";
import { cacheDirectory, startBackgroundRun } from "../background-run.ts";
import { note, print, printJson, type CliContext } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { table } from "../text/table.ts";
import { printable } from "../text-width.ts";

/** Until then this process stays; the run would go on without it, and Ctrl-C says so by ending it alone. */
export async function detachRun(context: CliContext, { json }: { readonly json?: boolean }): Promise<number> {
  const { host, commandLine } = context;
  const cache = cacheDirectory(host);
  const run = startBackgroundRun(context, commandLine, { tied: false });
  const { runId } = run;
  const output = outputFile(cache, runId);
  if (!(await hasStarted(context, cache, run))) {
    const exitCode = await run.ended;
    context.streams.stderr.write(readFileSync(output, "utf8"));
    return exitCode;
  }
  run.process.unref();
  const shown = (file: string) => relative(host.projectRoot, file);
  if (json === true) {
    const events = shown(eventsFile(cache, runId));
    printJson(context, { runId, pid: run.process.pid, events, output: shown(output) });
    return exitCodes.ok;
  }
  const { paint } = context;
  print(context, `${paint("green", "▶")} run ${paint("bold", runId)} goes on in the background`);
  print(context, "");
  const next = [
    [`npx pipeline attach ${runId}`, "watch it; Ctrl-C there leaves it running"],
    [`npx pipeline stop ${runId}`, "write a checkpoint and end it"],
    ["npx pipeline logs STAGE --follow", "read what a stage says"],
  ];
  for (const line of table(
    next.map(([command = "", does = ""]) => [{ text: `  ${command}`, style: "bold" }, { text: does }]),
    paint,
  ))
    print(context, line);
  return exitCodes.ok;
}

/** False where the process ended before its run began. */
async function hasStarted(
  context: CliContext,
  cache: string,
  { runId, hasEnded }: ReturnType<typeof startBackgroundRun>,
): Promise<boolean> {
  for await (const { events } of followEvents(cache, runId, { isOver: hasEnded }))
    for (const event of events) {
      if (event.type === "run-started") return true;
      if (event.type === "preparing") note(context, `preparing: ${printable(event.message)}`);
    }
  return false;
}
