/** What stands below a finished run: what it came to, where the artifacts are, what went wrong, what to run next. */
import { countOf, formatBytes, formatDuration } from "../../report/quantity.ts";
import { errorText } from "../error-text.ts";
import type { Paint } from "../paint.ts";
import { padEnd, textWidth, truncate } from "../text-width.ts";
import { summaryTexts } from "./figures.ts";
import { stoppedText } from "./render-run-view.ts";
import type { RunViewState, StageView } from "./run-view-state.ts";

export interface RunSummaryOptions {
  readonly columns: number;
  readonly paint: Paint;
  readonly verbose: boolean;
  /** The command line that goes on with this run, e.g. `npx pipeline run dpo`. */
  readonly again: string;
  /** What to run after success: command and what it does. */
  readonly next: readonly (readonly [command: string, does: string])[];
}

export function runSummary(state: RunViewState, options: RunSummaryOptions): string {
  const { paint } = options;
  const blocks: string[][] = [[headline(state, paint)]];
  const failed = state.stages.filter((stage) => stage.state === "failed");
  blocks.push(...failed.map((stage) => failure(stage, followersOf(stage.id, state), options)));
  if (state.finished?.status === "succeeded") {
    if (state.finished.executed > 0 || state.stages.length > 0) blocks.push(artifacts(state, options));
    blocks.push(["next", ...nextLines(options)]);
  } else {
    // The same command would only fail again where it, or the recipe, says what cannot work.
    const usersMistake = failed.some(({ error }) => error?.kind === "user");
    blocks.push([
      usersMistake
        ? "finished stages stay cached; correct that and run again"
        : `finished stages stay cached; go on with ${paint("bold", options.again)}`,
    ]);
  }
  return blocks
    .filter((block) => block.length > 0)
    .map((block) => block.join("\n"))
    .join("\n\n");
}

/** What it came to, in one line. */
export function headline({ finished, stages }: RunViewState, paint: Paint): string {
  if (finished === undefined) return paint("red", "✖ the run ended early");
  const time = formatDuration(finished.durationMs);
  const count = (state: StageView["state"]) => stages.filter((stage) => stage.state === state).length;
  const skipped = count("skipped") + count("waiting");
  switch (finished.status) {
    case "succeeded":
      return finished.executed === 0
        ? `${paint("green", "✔")} nothing to do: ${countOf(finished.hits, "stage")} cached (${time})`
        : `${paint("green", "✔")} done in ${time}: ${countOf(finished.executed, "stage")} executed, ${finished.hits} cached`;
    case "failed":
      return `${paint("red", "✖")} failed after ${time}: ${countOf(count("failed"), "stage")} failed, ${skipped} not started, ${finished.executed} executed, ${finished.hits} cached`;
    case "interrupted": {
      const stopped = stages.filter(({ state }) => state === "interrupted");
      const where = stopped.map((stage) => `${stage.id} ${stoppedText(stage)}`).join(", ");
      return `${paint("yellow", "■")} stopped after ${time}${where === "" ? "" : `: ${where}`}`;
    }
  }
}

/** Ids of the stages that were skipped because this one failed, directly or not. */
function followersOf(failed: string, { stages }: RunViewState): string[] {
  const lost = new Set([failed]);
  // Stages stand in topological order: whoever they need has been looked at.
  for (const { id, state, needs } of stages)
    if (state === "skipped" && needs.some((need) => lost.has(need))) lost.add(id);
  return [...lost].slice(1);
}

function failure(
  { id, error, log }: StageView,
  followers: readonly string[],
  { paint, verbose }: RunSummaryOptions,
): string[] {
  const output = log.length === 0 ? [] : [`last output of ${id}:`, ...log.map((line) => `  │ ${line}`)];
  return [
    paint("bold", id),
    ...(error === undefined ? [] : [errorText(error, { paint, verbose })]),
    ...output.map((line) => paint("dim", line)),
    ...(followers.length === 0 ? [] : [`skipped because of it: ${followers.join(", ")}`]),
  ];
}

/** A line for each output, its path first: people copy it. */
function artifacts({ stages }: RunViewState, { columns, paint }: RunSummaryOptions): string[] {
  const rows = stages.flatMap(({ outputs }) =>
    Object.values(outputs ?? {}).map(({ path, sizeBytes, summary }) => ({
      path,
      size: formatBytes(sizeBytes),
      figures: summaryTexts(summary).slice(0, 4).join(" · "),
    })),
  );
  if (rows.length === 0) return [];
  const pathColumns = Math.max(...rows.map(({ path }) => textWidth(path)));
  const sizeColumns = Math.max(...rows.map(({ size }) => size.length));
  return [
    "artifacts",
    ...rows.map(({ path, size, figures }) => {
      const start = `  ${padEnd(path, pathColumns)}  ${size.padStart(sizeColumns)}`;
      const room = columns - textWidth(start) - 2;
      return room < 8 || figures === "" ? start : `${start}  ${paint("dim", truncate(figures, room))}`;
    }),
  ];
}

function nextLines({ next, paint }: RunSummaryOptions): string[] {
  const commandColumns = Math.max(0, ...next.map(([command]) => textWidth(command)));
  return next.map(([command, does]) => `  ${paint("bold", padEnd(command, commandColumns))}  ${does}`);
}
