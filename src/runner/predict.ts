/** What a stage will take, from what it took before. Pure; a guess for people, which decides nothing. */
import type { ExecutionRecord } from "../store/records.ts";

export interface Prediction {
  /** Of work, all slices together; of a resume, what remains of it. */
  readonly durationMs: number;
  /** Of all outputs. */
  readonly sizeBytes: number;
  /** How many past executions it rests on. */
  readonly executions: number;
}

/** What prediction looks at in an execution. */
export interface PastExecution {
  readonly stageName: string;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly sizeBytes: number;
}

/** Where a checkpoint stands. */
export interface Reached {
  readonly step?: number;
  readonly total?: number;
}

/** Older ones say little: recipes and machines change. */
const RECENT = 5;

/**
 * The medians of the recent executions under the same stage name; undefined where there is none. A checkpoint takes
 * off the share that is done, where its total is known.
 */
export function predict(
  stageName: string,
  past: readonly PastExecution[],
  reached: Reached = {},
): Prediction | undefined {
  const recent = past
    .filter((execution) => execution.stageName === stageName)
    .sort((a, b) => Date.parse(b.startedAt) - Date.parse(a.startedAt))
    .slice(0, RECENT);
  if (recent.length === 0) return undefined;
  return {
    durationMs: Math.round(median(recent.map(({ durationMs }) => durationMs)) * remaining(reached)),
    sizeBytes: Math.round(median(recent.map(({ sizeBytes }) => sizeBytes))),
    executions: recent.length,
  };
}

/** By the id that they ran under. Those that went on from a finished one are no measure: they did a part of the work. */
export function historyOf(executions: readonly ExecutionRecord[]): ReadonlyMap<string, PastExecution[]> {
  const history = new Map<string, PastExecution[]>();
  for (const { stageId, stageName, startedAt, durationMs, outputs, extended } of executions) {
    if (extended !== undefined) continue;
    const sizeBytes = Object.values(outputs).reduce((sum, output) => sum + output.sizeBytes, 0);
    const execution = { stageName, startedAt, durationMs, sizeBytes };
    const known = history.get(stageId);
    if (known === undefined) history.set(stageId, [execution]);
    else known.push(execution);
  }
  return history;
}

function remaining({ step, total }: Reached): number {
  if (step === undefined || total === undefined || total <= 0) return 1;
  return Math.min(1, Math.max(0, 1 - step / total));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] =
    sorted.length % 2 === 1 ? [sorted[middle], sorted[middle]] : sorted.slice(middle - 1);
  return (low + high) / 2;
}
