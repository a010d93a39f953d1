/** A line of a stage's log as a person sees it; the log on disk keeps every line as it came. */
import type { RunnerEvent } from "../../runner/event.ts";
import { printable } from "../text-width.ts";

type LogEvent = Extract<RunnerEvent, { type: "stage-log" }>;

/**
 * What TensorFlow 2.21 writes to standard error whenever it is loaded, before any setting of its own can say no. It
 * tells that oneDNN is on, which is what was asked for.
 */
const banners = [
  /^WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR$/,
  /^I\d{4} [\d:.]+ +\d+ port\.cc:\d+\] oneDNN custom operations are on\./,
];

/** Empty where there is nothing to show. */
export function logLine({ stream, line }: LogEvent): string {
  const shown = printable(line);
  return stream === "stderr" && banners.some((banner) => banner.test(shown)) ? "" : shown;
}
