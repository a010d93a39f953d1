/** The errors by which training ends before its last step. */
import { PipelineError } from "../errors.ts";
import type { CheckpointPolicy } from "./checkpoint.ts";

export const interrupted = (step: number, totalSteps: number, checkpoints: CheckpointPolicy | undefined) =>
  new PipelineError({
    code: "INTERRUPTED",
    message: `training was interrupted after step ${step} of ${totalSteps}`,
    hint:
      checkpoints === undefined ? undefined : "Run it again: it goes on from the checkpoint that it wrote.",
  });

export const nonFinite = (step: number, values: string, rows: readonly string[]) =>
  new PipelineError({
    code: "NON_FINITE_LOSS",
    message: `step ${step} has ${values}; nothing of it was saved${batchText(rows)}`,
    hint: "Lower schedule.peak or optimizer.gradientClip, lengthen the warmup, look at these rows, or set lossGuard to roll back.",
  });

export const lossSpike = (step: number, spike: string, rows: readonly string[]) =>
  new PipelineError({
    code: "LOSS_SPIKE",
    message: `step ${step} has ${spike}; nothing of it was saved${batchText(rows)}`,
    hint: "Look at these rows, lower schedule.peak, or change lossGuard (action, lossZScore, maxRollbacks).",
  });

const mostRows = 8;

/** The rows of a step, on lines of their own. */
function batchText(rows: readonly string[]): string {
  if (rows.length === 0) return "";
  const more = rows.length > mostRows ? [`and ${rows.length - mostRows} more`] : [];
  return [". Its batch:", ...rows.slice(0, mostRows), ...more].join("\n  ");
}
