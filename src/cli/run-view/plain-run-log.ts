/**
 * A run as plain lines, for pipes, log files and CI: one line for each change of state, progress at most
 * every ten seconds or ten per cent, whichever comes later. Pure but for remembering what it said.
 */
import { formatDuration } from "../../report/quantity.ts";
import type { RunnerEvent } from "../../runner/event.ts";
import { amountText, metricTexts, outputTexts, speedText } from "./figures.ts";
import { timeLeftMs } from "./rate.ts";
import { printable, truncate } from "../text-width.ts";
import { logLine } from "./log-line.ts";
import { retryText, type RunViewState } from "./run-view-state.ts";
import { skippedText, stoppedText } from "./render-run-view.ts";

const minimumMs = 10_000;
const reasonColumns = 200;
/** A hair less than ten per cent: 0.3 − 0.2 is 0.09999999999999998. */
const minimumShare = 0.1 - 1e-9;

export interface PlainRunLog {
  /** The lines for `event`; `state` is the view after it. */
  lines(event: RunnerEvent, state: RunViewState): readonly string[];
}

export function createPlainRunLog(): PlainRunLog {
  const said = new Map<string, { at: number; share: number }>();
  return {
    lines(event, state) {
      const at = Date.parse(event.at);
      const clock = clockText(at - (state.startedAt ?? at));
      if (event.type === "stage-progress" && !isDue(said, event, at)) return [];
      return describe(event, state, at).map((line) => `${clock} ${line}`);
    },
  };
}

/** The first report of a stage only starts the clock: nearly nothing has happened yet. */
function isDue(
  said: Map<string, { at: number; share: number }>,
  { stage, progress }: Extract<RunnerEvent, { type: "stage-progress" }>,
  at: number,
): boolean {
  const share =
    progress.total === undefined || progress.total <= 0 ? undefined : progress.done / progress.total;
  const last = said.get(stage);
  const late = last !== undefined && at - last.at >= minimumMs;
  // Without a known end time alone decides.
  const far = last !== undefined && (share === undefined || share - last.share >= minimumShare);
  if (last === undefined || (late && far)) said.set(stage, { at, share: share ?? 0 });
  return late && far;
}

function describe(event: RunnerEvent, state: RunViewState, now: number): readonly string[] {
  switch (event.type) {
    case "run-started": {
      const counts = { hit: 0, run: 0, resume: 0 };
      for (const { decision } of event.stages) counts[decision]++;
      const parts = [
        ...(counts.hit === 0 ? [] : [`${counts.hit} cached`]),
        ...(counts.run === 0 ? [] : [`${counts.run} to run`]),
        ...(counts.resume === 0 ? [] : [`${counts.resume} to resume`]),
      ];
      const targets = event.targets.length === 0 ? "everything" : event.targets.join(" ");
      return [`${event.pipeline} (${event.config}): ${targets}; ${parts.join(", ")}`];
    }
    case "preparing":
      return [`preparing: ${printable(event.message)}`];
    case "stage-hit":
      return [[`${event.stage}: cached`, ...outputTexts(event.outputs).slice(0, 3)].join(" · ")];
    case "stage-started": {
      // `npx pipeline why` gives them whole.
      const reasons = truncate(
        event.reasons.map(({ message }) => printable(message)).join("; "),
        reasonColumns,
      );
      const what = event.resumeStep === undefined ? "started" : `resumed at step ${event.resumeStep}`;
      return [`${event.stage}: ${what}${reasons === "" ? "" : ` (${reasons})`}`];
    }
    case "stage-progress": {
      const { progress } = event;
      const rate = state.stages.find(({ id }) => id === event.stage)?.rate;
      const left = timeLeftMs(rate, progress, now);
      const speed = speedText(progress, rate);
      const share =
        progress.total === undefined || progress.total <= 0
          ? []
          : [`${Math.floor((progress.done / progress.total) * 100)}%`];
      const parts = [
        ...share,
        ...(progress.message === undefined ? [] : [printable(progress.message)]),
        amountText(progress),
        ...metricTexts(progress.metrics).slice(0, 2),
        ...(speed === undefined ? [] : [speed]),
        ...(left === undefined ? [] : [`${formatDuration(left)} left`]),
      ];
      return [`${event.stage}: ${parts.join(" · ")}`];
    }
    case "stage-log": {
      const line = logLine(event);
      return line === "" ? [] : [`${event.stage}: │ ${line}`];
    }
    case "stage-finished": {
      const done = `${event.stage}: done in ${formatDuration(event.durationMs)}`;
      return [[done, ...outputTexts(event.outputs).slice(0, 3)].join(" · ")];
    }
    case "stage-retry":
      return [`${event.stage}: ${retryText(event)}`];
    case "stage-failed":
      return [`${event.stage}: failed: ${event.error.code}: ${printable(event.error.message)}`];
    case "stage-interrupted": {
      const stage = state.stages.find(({ id }) => id === event.stage);
      return [`${event.stage}: ${stage === undefined ? "stopped" : stoppedText(stage)}`];
    }
    case "stage-skipped": {
      const needs = state.stages.find(({ id }) => id === event.stage)?.needs ?? [];
      return [`${event.stage}: ${skippedText({ needs }, printable(event.because))}`];
    }
    case "stage-waiting":
      return [`${event.stage}: ${printable(event.message)}`];
    case "warning": {
      const where = event.stage === undefined ? "" : `${event.stage}: `;
      return [`warning ${event.code}: ${where}${printable(event.message)}`];
    }
    // Checkpoints come often and say nothing new; the summary that follows the run says the rest.
    case "stage-checkpoint":
    case "run-finished":
      return [];
  }
}

/** `0:00:07`, since the run began. */
function clockText(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (value: number) => String(value).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}
