/** Compares what the index says with what the disk holds. Repairs nothing: a bad artifact is a miss at the next run. */
import type { ObjectProblem } from "./objects.ts";
import type { Store } from "./store.ts";

export interface CheckOptions {
  /** Rehash every file instead of comparing sizes. */
  readonly deep?: boolean;
  readonly signal?: AbortSignal;
}

export interface CheckProblem {
  /** `unindexed-object`: left by a run that was killed before its commit; harmless. */
  readonly code: ObjectProblem["code"] | "unindexed-object";
  readonly message: string;
  readonly digest: string;
  /** The file, relative to the artifact. */
  readonly path?: string;
  /** Ids of the stages that must run again because of it. */
  readonly stages: readonly string[];
}

export interface CheckReport {
  readonly ok: boolean;
  readonly objects: number;
  readonly bytes: number;
  readonly problems: readonly CheckProblem[];
}

/** Looks at every artifact of every execution. Rejects with the signal's reason where it is aborted. */
export async function checkStore(store: Store, options: CheckOptions = {}): Promise<CheckReport> {
  const stagesByDigest = new Map<string, Set<string>>();
  for (const { stageId, outputs } of store.executions())
    for (const { digest } of Object.values(outputs))
      stagesByDigest.set(digest, (stagesByDigest.get(digest) ?? new Set()).add(stageId));

  const problems: CheckProblem[] = [];
  let bytes = 0;
  for (const [digest, stages] of stagesByDigest) {
    options.signal?.throwIfAborted();
    bytes += store.object(digest)?.sizeBytes ?? 0;
    const verdict = await store.verify(digest, { deep: options.deep ?? false, signal: options.signal });
    if (!verdict.intact) problems.push({ ...verdict.problem, digest, stages: [...stages] });
  }
  for (const digest of store.unindexedObjects())
    problems.push({
      code: "unindexed-object",
      message: `${store.objectPath(digest)} belongs to no finished execution`,
      digest,
      stages: [],
    });
  const ok = problems.every(({ code }) => code === "unindexed-object");
  return { ok, objects: stagesByDigest.size, bytes, problems };
}
