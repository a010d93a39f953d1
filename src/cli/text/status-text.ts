/** The status of a project: each stage, its last execution and its artifacts. */
import { formatBytes, formatDuration } from "../../report/quantity.ts";
import type { ExecutionSummary, StageStatus, StatusReport } from "../../runner/session-types.ts";
import type { Paint } from "../paint.ts";
import { decisionLooks, reasonTexts } from "./decision.ts";
import { targetsText } from "./run-words.ts";
import { table, type Cell } from "./table.ts";

/** `now`: milliseconds since the epoch. */
export function statusText(report: StatusReport, now: number, paint: Paint): string {
  const { pipeline, config, lastRun, killedRun, stages } = report;
  const run =
    lastRun === undefined
      ? "never run"
      : `last run ${ago(lastRun.startedAt, now)}: ${lastRun.status} in ${formatDuration(lastRun.durationMs)}, ${lastRun.executed} executed, ${lastRun.hits} cached`;
  const rows = stages.flatMap((stage) => stageRows(stage, now));
  return [
    `${paint("bold", pipeline)}  ${paint("dim", config)}`,
    paint("dim", run),
    ...(killedRun === undefined
      ? []
      : [
          `${paint("red", "✖")} run ${killedRun.runId} of ${targetsText(killedRun.targets)}, started ${ago(killedRun.startedAt, now)}, did not end: its runner was killed`,
        ]),
    "",
    ...table(rows, paint),
  ].join("\n");
}

/** What is to be done and why, then what there is. */
function stageRows(stage: StageStatus, now: number): readonly (readonly Cell[])[] {
  const { decision, running, latest } = stage;
  const look =
    running === undefined
      ? decisionLooks[decision]
      : ({ mark: "…", word: "running", style: "cyan" } as const);
  const reasons = decision === "hit" ? [] : reasonTexts(stage);
  const notes: readonly Cell[] = [
    ...(running === undefined
      ? reasons.map((text) => ({ text }))
      : [{ text: `process ${running.pid} started ${ago(running.since, now)}, run ${running.runId}` }]),
    ...(latest === undefined ? [] : [latestCell(latest, decision === "hit", now)]),
  ];
  const [first = { text: "" }, ...more] = notes;
  const blank: Cell = { text: "" };
  return [
    [
      { text: look.mark, style: look.style },
      { text: stage.id },
      { text: look.word, style: look.style },
      first,
    ],
    ...more.map((note) => [blank, blank, blank, note]),
  ];
}

function latestCell(
  { startedAt, durationMs, outputs }: ExecutionSummary,
  current: boolean,
  now: number,
): Cell {
  const records = Object.values(outputs);
  const size = formatBytes(records.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  const paths = records.map(({ path }) => path).join(" ");
  const text = `${ago(startedAt, now)} in ${formatDuration(durationMs)}, ${size}  ${paths}`;
  return current ? { text } : { text: `out of date: ${text}`, style: "dim" };
}

/** `3 min ago`, to the unit that matters. */
export function ago(iso: string, now: number): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(iso)) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} days ago`;
}
