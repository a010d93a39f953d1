/** Two runs side by side, stage by stage: what differs in the recipes, and in what came of them. */
import type { ExecutionRecord, RunRecord, RunStageRecord } from "../store/records.ts";
import { explain, type Difference } from "./explain.ts";
import { figuresOf } from "./figures.ts";

export interface FigureChange {
  readonly output: string;
  readonly path: string;
  /** Null where one of the two has no such figure. */
  readonly old: number | null;
  readonly new: number | null;
  readonly difference: number | null;
  /** Of the old one's magnitude; null where that is 0 or not known. */
  readonly percent: number | null;
}

export interface OutputChange {
  readonly output: string;
  /** Digests; null where one of the two has no such output. */
  readonly old: string | null;
  readonly new: string | null;
}

export interface StageComparison {
  readonly stage: string;
  /** `unknown`: one of the two left no execution (it failed, was stopped or skipped), or its record was removed. */
  readonly verdict: "same" | "changed" | "only-old" | "only-new" | "unknown";
  readonly old?: RunStageRecord;
  readonly new?: RunStageRecord;
  /** Recipe: params, inputs, source files, packages, environment, formats. */
  readonly differences: readonly Difference[];
  readonly outputs: readonly OutputChange[];
  readonly metrics: readonly FigureChange[];
}

export interface RunComparison {
  readonly old: RunRecord;
  readonly new: RunRecord;
  /** In the order of the new run; what only the old one had comes last. */
  readonly stages: readonly StageComparison[];
}

export type FindExecution = (fingerprint: string) => ExecutionRecord | undefined;

export function compareRuns(old: RunRecord, current: RunRecord, find: FindExecution): RunComparison {
  const ids = new Set([...Object.keys(current.stages), ...Object.keys(old.stages)]);
  const stages = [...ids].map((id) => compareStage(id, old.stages[id], current.stages[id], find));
  return { old, new: current, stages };
}

function compareStage(
  stage: string,
  old: RunStageRecord | undefined,
  current: RunStageRecord | undefined,
  find: FindExecution,
): StageComparison {
  const sides = { stage, ...(old ? { old } : {}), ...(current ? { new: current } : {}) };
  const nothing = { differences: [], outputs: [], metrics: [] };
  if (old === undefined) return { ...sides, verdict: "only-new", ...nothing };
  if (current === undefined) return { ...sides, verdict: "only-old", ...nothing };
  const [then, now] = [executionOf(old, find), executionOf(current, find)];
  if (then === undefined || now === undefined) return { ...sides, verdict: "unknown", ...nothing };
  const changes = {
    differences: differencesOf(then, now),
    outputs: outputChanges(then, now),
    metrics: figureChanges(then, now),
  };
  const isSame = Object.values(changes).every((list) => list.length === 0);
  return { ...sides, verdict: isSame ? "same" : "changed", ...changes };
}

/** A stage that failed has a fingerprint too, but what the index has under it is of another run. */
const executionOf = (
  { outcome, fingerprint }: RunStageRecord,
  find: FindExecution,
): ExecutionRecord | undefined =>
  fingerprint !== null && (outcome === "hit" || outcome === "executed") ? find(fingerprint) : undefined;

/** `explain` compares with the rules of now; two executions under the same older rules do not differ by that. */
const differencesOf = (then: ExecutionRecord, now: ExecutionRecord): Difference[] =>
  explain(then, now).filter(
    ({ code, field }) =>
      !(
        code === "format-changed" &&
        field === "version" &&
        then.fingerprintVersion === now.fingerprintVersion
      ),
  );

function outputChanges(then: ExecutionRecord, now: ExecutionRecord): OutputChange[] {
  const names = new Set([...Object.keys(now.outputs), ...Object.keys(then.outputs)]);
  return [...names].flatMap((output) => {
    const [old, current] = [then.outputs[output]?.digest ?? null, now.outputs[output]?.digest ?? null];
    return old === current ? [] : [{ output, old, new: current }];
  });
}

function figureChanges(then: ExecutionRecord, now: ExecutionRecord): FigureChange[] {
  const keyOf = ({ output, path }: { output: string; path: string }): string =>
    JSON.stringify([output, path]);
  const before = new Map(figuresOf(then).map((figure) => [keyOf(figure), figure]));
  const after = new Map(figuresOf(now).map((figure) => [keyOf(figure), figure]));
  return [...new Map([...after, ...before]).values()].flatMap(({ output, path }) => {
    const key = keyOf({ output, path });
    const [old, current] = [before.get(key)?.value ?? null, after.get(key)?.value ?? null];
    if (old === current) return [];
    const difference = old === null || current === null ? null : current - old;
    const percent =
      difference === null || old === null || old === 0 ? null : (difference / Math.abs(old)) * 100;
    return [{ output, path, old, new: current, difference, percent }];
  });
}
