/** Compares what the index says with what the disk holds. Repairs nothing: a bad artifact is a miss at the next run. */
import type { IndexLeftover } from "./keeping-types.ts";
import type { ObjectProblem } from "./objects.ts";
import type { Store } from "./store.ts";

export interface CheckOptions {
  /** Rehash every file instead of comparing sizes. */
  readonly deep?: boolean;
  readonly signal?: AbortSignal;
  /** Told before each artifact is looked at. */
  readonly onProgress?: (progress: CheckProgress) => void;
}

export interface CheckProgress {
  readonly objects: number;
  readonly totalObjects: number;
  readonly bytes: number;
  readonly totalBytes: number;
}

export interface CheckProblem {
  /** `unindexed-object`: files that no record names; `broken-view`: a link in artifacts/ that leads nowhere. */
  readonly code:
    | ObjectProblem["code"]
    | IndexLeftover["code"]
    | "unindexed-object"
    | "broken-view"
    | "checkpoint-without-use";
  /** `damage`: stages must run again. `left-over`: costs space or is worth knowing, and nothing is lost. */
  readonly severity: "damage" | "left-over";
  readonly message: string;
  /** Or fingerprint, or path below artifacts/: what it is about. */
  readonly digest: string;
  /** The file, relative to the artifact. */
  readonly path?: string;
  /** Ids of the stages that must run again because of it. */
  readonly stages: readonly string[];
}

export interface CheckReport {
  /** Nothing is damaged; there may be left-overs. */
  readonly ok: boolean;
  readonly objects: number;
  readonly bytes: number;
  /** Executions of which only the record is left. */
  readonly tombstones: number;
  readonly pins: number;
  readonly problems: readonly CheckProblem[];
}

/** Looks at every artifact of every execution that is not evicted. Rejects with the signal's reason where it is aborted. */
export async function checkStore(store: Store, options: CheckOptions = {}): Promise<CheckReport> {
  const { deep = false, signal, onProgress } = options;
  const executions = store.executions();
  const live = executions.filter(({ evictedAt }) => evictedAt === undefined);
  const stagesByDigest = new Map<string, Set<string>>();
  for (const { stageId, outputs } of live)
    for (const { digest } of Object.values(outputs))
      stagesByDigest.set(digest, (stagesByDigest.get(digest) ?? new Set()).add(stageId));

  const problems: CheckProblem[] = [];
  const size = (digest: string): number => store.object(digest)?.sizeBytes ?? 0;
  const totalObjects = stagesByDigest.size;
  const totalBytes = [...stagesByDigest.keys()].reduce((sum, digest) => sum + size(digest), 0);
  let [objects, bytes] = [0, 0];
  for (const [digest, stages] of stagesByDigest) {
    signal?.throwIfAborted();
    onProgress?.({ objects, totalObjects, bytes, totalBytes });
    const verdict = await store.verify(digest, { deep, signal });
    if (!verdict.intact)
      problems.push({ ...verdict.problem, severity: "damage", digest, stages: [...stages] });
    objects += 1;
    bytes += size(digest);
  }
  return {
    ok: problems.length === 0,
    objects: totalObjects,
    bytes: totalBytes,
    tombstones: executions.length - live.length,
    pins: store.keeping.pins().length,
    problems: [...problems, ...leftOvers(store)],
  };
}

function leftOvers(store: Store): CheckProblem[] {
  const problem = (code: CheckProblem["code"], digest: string, message: string): CheckProblem => ({
    code,
    severity: "left-over",
    digest,
    message,
    stages: [],
  });
  return [
    ...store
      .unindexedObjects()
      .map((digest) =>
        problem("unindexed-object", digest, `${store.objectPath(digest)} belongs to no finished execution`),
      ),
    ...store.keeping.leftovers().map(({ code, key, message }) => problem(code, key, message)),
    ...store.keeping
      .brokenViews()
      .map((path) => problem("broken-view", path, `${path} is a link to an artifact that is gone`)),
  ];
}
