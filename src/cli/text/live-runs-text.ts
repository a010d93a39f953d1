/** The runs that are alive, a line each, with how to look at them. */
import type { RunMark } from "../../runner/live-runs.ts";
import { thisProcess } from "../../std/process-identity.ts";
import type { Paint } from "../paint.ts";
import { ago } from "./status-text.ts";

/** `now`: milliseconds since the epoch. Empty where none is alive. */
export function liveRunsText(runs: readonly RunMark[], now: number, paint: Paint): string {
  return runs
    .map(({ runId, targets, since, process }) => {
      const what = targets.length === 0 ? "everything" : targets.join(" ");
      const where = process.host === thisProcess().host ? "" : ` on ${process.host}`;
      return `${paint("cyan", "▶")} run ${runId} of ${what}, started ${ago(since, now)}${where}: ${paint("bold", `npx pipeline attach ${runId.slice(-6)}`)}\n`;
    })
    .join("");
}
