/**
 * The state of a run as text of a given size: a line for each stage, up to three more for a running one.
 * Pure; the terminal is somebody else's. Lines are laid out and cut first and painted last.
 */
import { countOf, formatDuration } from "../../report/quantity.ts";
import { noPaint, type Paint, type Style } from "../paint.ts";
import { padEnd, padStart, textWidth, truncate } from "../text-width.ts";
import { amountText, metricTexts, outputTexts, speedText } from "./figures.ts";
import { timeLeftMs } from "./rate.ts";
import type { RunViewState, StageState, StageView } from "./run-view-state.ts";

export interface RenderOptions {
  readonly columns: number;
  /** The view takes at most this many lines. Default: as many as it needs. */
  readonly rows?: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly paint?: Paint;
}

/** A stretch of text and its colour. */
type Span = readonly [text: string, style?: Style];
type Line = readonly Span[];

const marks: Readonly<Record<StageState, Span>> = {
  waiting: ["·", "dim"],
  hit: ["✔", "dim"],
  running: ["▶", "cyan"],
  locked: ["◌", "yellow"],
  done: ["✔", "green"],
  failed: ["✖", "red"],
  interrupted: ["■", "yellow"],
  skipped: ["-", "dim"],
};

export function renderRunView(state: RunViewState, options: RenderOptions): string {
  const { columns, now, rows = Infinity, paint = noPaint } = options;
  const head = [headLine(state, columns, now), []];
  const foot = footLines(state);
  const idColumns = Math.min(
    Math.max(0, ...state.stages.map(({ id }) => textWidth(id))),
    Math.max(8, Math.floor(columns / 3)),
  );
  const body = fitRows(state, rows - head.length - foot.length, (stage) =>
    stageLines(stage, state, idColumns, columns, now),
  );
  return [...head, ...body, ...foot].map((line) => paintLine(cutLine(line, columns), paint)).join("\n");
}

function headLine(state: RunViewState, columns: number, now: number): Line {
  if (state.preparing !== undefined) return [["preparing", "bold"], [`  ${state.preparing}`]];
  const what = state.targets.length === 0 ? "everything" : state.targets.join(" ");
  const elapsed = formatDuration(state.finished?.durationMs ?? now - (state.startedAt ?? now));
  const left: Line = [[state.pipeline, "bold"], [`  ${what}`], [`  ${state.config}`, "dim"]];
  const gap = columns - widthOf(left) - textWidth(elapsed);
  return gap < 2 ? left : [...left, [" ".repeat(gap)], [elapsed, "dim"]];
}

function footLines(state: RunViewState): readonly Line[] {
  const warnings = state.warnings.slice(-3).map((warning): Line => [["warning ", "yellow"], [warning]]);
  const more = state.warnings.length - warnings.length;
  const stopping: readonly Line[] =
    state.stopping === undefined || state.finished !== undefined
      ? []
      : [[[stoppingText[state.stopping], "yellow"]]];
  return [
    ...(warnings.length + stopping.length === 0 ? [] : [[]]),
    ...(more <= 0 ? [] : [[[`${countOf(more, "more warning")} before these`, "dim"]] satisfies Line]),
    ...warnings,
    ...stopping,
  ];
}

export const stoppingText = {
  gracefully: "stopping: writing a checkpoint; press Ctrl-C again to stop at once",
  now: "stopping at once",
} as const;

/** Where the screen is too low: first the finished, then the waiting stages become one line together. */
function fitRows(
  { stages }: RunViewState,
  rows: number,
  linesOf: (stage: StageView) => readonly Line[],
): readonly Line[] {
  const all = stages.flatMap(linesOf);
  if (all.length <= rows) return all;
  const isDone = ({ state }: StageView) => state === "hit" || state === "done";
  const isWaiting = ({ state }: StageView) => state === "waiting";
  const done = stages.filter(isDone);
  const doneLine: readonly Line[] =
    done.length === 0
      ? []
      : [[["  "], ["✔", "green"], [` ${countOf(done.length, "stage")} done or cached`, "dim"]]];
  const open = stages.filter((stage) => !isDone(stage)).flatMap(linesOf);
  if (doneLine.length + open.length <= rows) return [...doneLine, ...open];
  const waiting = stages.filter(isWaiting);
  const waitingLine: readonly Line[] =
    waiting.length === 0 ? [] : [[["  "], [`· ${countOf(waiting.length, "stage")} waiting`, "dim"]]];
  const active = stages.filter((stage) => !isDone(stage) && !isWaiting(stage)).flatMap(linesOf);
  const room = Math.max(1, rows - doneLine.length - waitingLine.length);
  return [...doneLine, ...active.slice(0, room), ...waitingLine];
}

function stageLines(
  stage: StageView,
  state: RunViewState,
  idColumns: number,
  columns: number,
  now: number,
): readonly Line[] {
  const active = stage.state === "running" || stage.state === "failed";
  const id = padEnd(truncate(stage.id, idColumns), idColumns);
  const start: Line = [["  "], marks[stage.state], [" "], active ? [id, "bold"] : [id], ["  "]];
  if (stage.state !== "running") return [[...start, ...restingSpans(stage, state)]];
  const indent: Span = [" ".repeat(columns < 60 ? 4 : widthOf(start))];
  const room = columns - widthOf(start);
  return [
    [...start, ...runningSpans(stage, room, now)],
    ...figureLines(stage).map((text): Line => [indent, [text]]),
    ...stage.log.slice(-1).map((line): Line => [indent, [`│ ${line}`, "dim"]]),
  ];
}

/** Everything but a running stage fits on its line. */
function restingSpans(stage: StageView, { stages }: RunViewState): Line {
  switch (stage.state) {
    case "waiting": {
      const finished = new Set(
        stages.filter(({ state }) => state === "done" || state === "hit").map(({ id }) => id),
      );
      const missing = stage.needs.filter((id) => !finished.has(id));
      return [[missing.length === 0 ? "waiting" : `waits for ${missing.join(", ")}`, "dim"]];
    }
    case "hit":
      return [["cached", "dim"], ...figureSpans(stage)];
    case "done":
      return [[`done in ${formatDuration(stage.durationMs ?? 0)}`], ...figureSpans(stage)];
    case "failed":
      return [[`failed: ${stage.error?.code ?? "UNEXPECTED"}`, "red"], [`  ${firstLine(stage)}`]];
    case "interrupted":
      return [[stoppedText(stage), "yellow"]];
    case "skipped":
      return [[skippedText(stage, stage.note ?? ""), "dim"]];
    case "locked":
      return [[stage.note ?? "waits for another run", "yellow"]];
    case "running":
      return [];
  }
}

export function stoppedText({ checkpointStep, hasResult }: StageView): string {
  if (hasResult === true) return "stopped; its earlier result stays";
  return checkpointStep === undefined ? "stopped" : `stopped; goes on from step ${checkpointStep}`;
}

/** `because`: a stage that it needs, or why nothing new was started. */
export function skippedText({ needs }: Pick<StageView, "needs">, because: string): string {
  return needs.includes(because) ? `skipped: ${because} did not finish` : `skipped: ${because}`;
}

function firstLine({ error }: StageView): string {
  return (error?.message ?? "").split("\n")[0] ?? "";
}

function figureSpans({ outputs }: StageView): Line {
  const texts = outputs === undefined ? [] : outputTexts(outputs).slice(0, 3);
  return texts.length === 0 ? [] : [[`  ${texts.join(" · ")}`, "dim"]];
}

/** A bar where the end is known, else the time it has taken. */
function runningSpans(stage: StageView, room: number, now: number): Line {
  const { progress, startedAt = now, expectedMs } = stage;
  const elapsed = formatDuration(now - startedAt);
  if (progress?.total === undefined || progress.total <= 0) {
    const usual = expectedMs === undefined ? "" : ` (last time ${formatDuration(expectedMs)})`;
    const doing = progress?.message ?? (progress === undefined ? "starting" : "running");
    return [[doing], [`  ${elapsed}${usual}`, "dim"]];
  }
  const share = Math.min(1, Math.max(0, progress.done / progress.total));
  const percent = padStart(`${Math.floor(share * 100)}%`, 4);
  const left = timeLeftMs(stage.rate, progress, now);
  const time = left === undefined ? elapsed : `${formatDuration(left)} left`;
  // Beside the bar stand the percentage, gaps and a time such as `59 min 59 s left`. Where there is room for
  // the longest, the bar does not jump when the time gets shorter.
  const timeColumns = room >= 40 ? 16 : textWidth(time);
  const barColumns = Math.min(32, room - 4 - 3 - timeColumns);
  return [
    ...(barColumns < 6 ? [] : [...bar(share, barColumns), [" "] satisfies Span]),
    [percent, "bold"],
    [`  ${time}`, "dim"],
  ];
}

function bar(share: number, columns: number): Line {
  const filled = Math.floor(share * columns);
  return [
    ["━".repeat(filled), "cyan"],
    ["─".repeat(columns - filled), "dim"],
  ];
}

function figureLines(stage: StageView): readonly string[] {
  const { progress, rate, resumeStep } = stage;
  const resumed = resumeStep === undefined ? [] : [`resumed at step ${resumeStep}`];
  if (progress === undefined) return resumed;
  // The message stands in the place of the bar where the end is not known.
  const message = progress.message === undefined || progress.total === undefined ? [] : [progress.message];
  const speed = speedText(progress, rate);
  const parts = [
    ...message,
    amountText(progress),
    ...metricTexts(progress.metrics).slice(0, 1),
    ...(speed === undefined ? [] : [speed]),
    ...metricTexts(progress.metrics).slice(1),
    ...resumed,
  ];
  return [parts.join(" · ")];
}

function widthOf(line: Line): number {
  return line.reduce((columns, [text]) => columns + textWidth(text), 0);
}

function cutLine(line: Line, columns: number): Line {
  if (widthOf(line) <= columns) return line;
  let room = columns;
  return line.flatMap(([text, style]): Line => {
    const width = textWidth(text);
    const whole = width <= room;
    const kept = whole ? text : truncate(text, room);
    room = whole ? room - width : 0;
    return kept === "" ? [] : [style === undefined ? [kept] : [kept, style]];
  });
}

function paintLine(line: Line, paint: Paint): string {
  return line
    .map(([text, style]) => (style === undefined ? text : paint(style, text)))
    .join("")
    .trimEnd();
}
