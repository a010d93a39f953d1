/** A line of a stage's log as a person sees it; the log on disk keeps every line as it came. */
import type { RunnerEvent } from "../../runner/event.ts";
import { isEngineBanner } from "../engine-banner.ts";
import { printable } from "../text-width.ts";

type LogEvent = Extract<RunnerEvent, { type: "stage-log" }>;

/** Empty where there is nothing to show. */
export function logLine({ stream, line }: LogEvent): string {
  const shown = printable(line);
  return stream === "stderr" && isEngineBanner(shown) ? "" : shown;
}
