/** Compares what the index says with what the disk holds. A bad artifact is a miss at the next run; what is asked to be repaired is the index. */
import type { IndexLeftover } from "./keeping-types.ts";
import type { ObjectProblem } from "./objects.ts";
import type { Store } from "./store.ts";

export interface CheckOptions {
  /** Rehash every file instead of comparing sizes. */
  readonly deep?: boolean;
  /** First make index and journal agree: docs/store.md. */
  readonly repair?: boolean;
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
    | "index-damaged"
    | "journal-unreadable"
    | "journal-damaged"
    | "journal-ahead"
    | "journal-differs"
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
  /** Records that `repair` put back into the index, e.g. `execution/…`. */
  readonly restored?: readonly string[];
}

/** Looks at every artifact of every execution that is not evicted. Rejects with the signal's reason where it is aborted. */
export async function checkStore(store: Store, options: CheckOptions = {}): Promise<CheckReport> {
  const { deep = false, repair = false, signal, onProgress } = options;
  const restored = repair ? store.repairIndex().map((key) => key.join("/")) : undefined;
  const executions = store.executions();
  const live = executions.filter(({ evictedAt }) => evictedAt === undefined);
  const stagesByDigest = new Map<string, Set<string>>();
  for (const { stageId, outputs } of live)
    for (const { digest } of Object.values(outputs))
      stagesByDigest.set(digest, (stagesByDigest.get(digest) ?? new Set()).add(stageId));

  const journal = journalProblems(store);
  const problems = journal.filter(({ severity }) => severity === "damage");
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
    problems: [
      ...problems,
      ...journal.filter(({ severity }) => severity === "left-over"),
      ...leftOvers(store),
    ],
    ...(restored === undefined ? {} : { restored }),
  };
}

/** A journal that is not there yet is no problem: the next write begins it. */
function journalProblems(store: Store): CheckProblem[] {
  const { state, damagedLines, ahead, onlyInJournal, notInJournal, indexDamage } = store.compareJournal();
  const problem = (
    code: CheckProblem["code"],
    severity: CheckProblem["severity"],
    message: string,
  ): CheckProblem => ({ code, severity, message, digest: "", stages: [] });
  const example = [...onlyInJournal, ...notInJournal][0] ?? "";
  return [
    ...(indexDamage === undefined
      ? []
      : [problem("index-damaged", "damage", `records of cache/index.mdb may be missing: ${indexDamage}`)]),
    ...(state === "unreadable"
      ? [problem("journal-unreadable", "damage", "no line of cache/journal.jsonl can be read")]
      : []),
    ...(damagedLines === 0
      ? []
      : [
          problem(
            "journal-damaged",
            "damage",
            `${damagedLines} of the lines of cache/journal.jsonl cannot be read`,
          ),
        ]),
    ...(state !== "read" || example === ""
      ? []
      : [
          problem(
            "journal-differs",
            "damage",
            `cache/journal.jsonl has ${onlyInJournal.length} records that the index has not, and lacks ` +
              `${notInJournal.length} that it has, e.g. ${example}`,
          ),
        ]),
    ...(ahead === 0
      ? []
      : [
          problem(
            "journal-ahead",
            "left-over",
            `a process was killed before it committed what cache/journal.jsonl holds (${ahead}): the next run does`,
          ),
        ]),
  ];
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
