/**
 * Whether a run may go on after something was edited: compares what its stages work on with what the plan wants now.
 * Work that may still be wanted is never thrown away: a stage is stopped only behind a checkpoint. Pure.
 */
import type { Plan } from "../../runner/plan-types.ts";

export interface RunningStage {
  readonly id: string;
  readonly fingerprint: string;
  /** It has written one, or went on from one, in this run. */
  readonly hasCheckpoint: boolean;
}

export type StopDecision =
  /** All that runs is wanted as it is. */
  | "go-on"
  /** Gently; nothing is lost. */
  | "stop"
  /** To be stopped, as soon as every stage that may be wanted has a checkpoint or has ended. */
  | "stop-later";

export function decideStop(running: readonly RunningStage[], plan: Plan): StopDecision {
  const wants = running.map((stage) => ({ stage, wish: wishFor(stage, plan) }));
  if (wants.every(({ wish }) => wish === "wanted")) return "go-on";
  return maySafelyStop(running, plan) ? "stop" : "stop-later";
}

export const maySafelyStop = (running: readonly RunningStage[], plan: Plan): boolean =>
  running.every((stage) => stage.hasCheckpoint || wishFor(stage, plan) === "unwanted");

function wishFor({ id, fingerprint }: RunningStage, { stages }: Plan): "wanted" | "unwanted" | "unknown" {
  if (stages.some((stage) => stage.fingerprint === fingerprint)) return "wanted";
  // What it needs must run again first, and may yield the same bytes.
  return stages.find((stage) => stage.id === id)?.fingerprint === null ? "unknown" : "unwanted";
}
