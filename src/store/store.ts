/**
 * The store as the runner and lineage see it: finished executions, their artifacts, locks and the person's view
 * of them. `openStore` (open-store.ts) makes one. Reads of the index are synchronous and write nothing.
 */
import type { StatMemory } from "../hashing/local-files.ts";
import type { ProcessIdentity } from "../std/process-identity.ts";
import type { JournalComparison } from "./compare-journal.ts";
import type { Keeping } from "./keeping-types.ts";
import type { Verdict } from "./objects.ts";
import type { IndexNotice } from "./rebuild-index.ts";
import type { ExecutionRecord, ObjectRecord, RunRecord } from "./records.ts";
import type { StatCache } from "./stat-cache.ts";

export interface LockHolder {
  readonly process: ProcessIdentity;
  readonly runId: string;
  readonly stageId: string;
  /** ISO 8601. */
  readonly since: string;
}

export type LockResult =
  /** `healed`: the dead holder whose lock was taken over. */
  | { readonly acquired: true; readonly healed?: LockHolder }
  | { readonly acquired: false; readonly holder: LockHolder };

/** An execution of another machine, verified, its objects adopted. */
export interface ReceivedExecution {
  readonly execution: ExecutionRecord;
  /** Those of its outputs that were not here before. */
  readonly objects: readonly ObjectRecord[];
}

/** What lineage and planning may ask. */
export interface IndexReads {
  execution(fingerprint: string): ExecutionRecord | undefined;
  /** The execution that last served this stage id, as maker or as hit. */
  latest(stageId: string): ExecutionRecord | undefined;
  executions(): readonly ExecutionRecord[];
  /** Fingerprints of the executions that produced an artifact. */
  producers(digest: string): readonly string[];
  /** Fingerprints of the executions that read an artifact. */
  consumers(digest: string): readonly string[];
  /** Fingerprints of the executions of a family. */
  family(family: string): readonly string[];
  object(digest: string): ObjectRecord | undefined;
  /** Newest first. */
  runs(): readonly RunRecord[];
  /** Whether the artifact can be believed: its files are there, sized and unchanged. Writes nothing. */
  verify(digest: string, options?: { deep?: boolean; signal?: AbortSignal | undefined }): Promise<Verdict>;
  /** Who holds the lock; only living holders count. */
  lockHolder(fingerprint: string): LockHolder | undefined;
  /** Digest that the person's view of an output was made of; undefined where there is no view. */
  viewed(stageId: string, output: string): string | undefined;
}

export interface Store extends IndexReads {
  /** Absolute; the cache directory. */
  readonly directory: string;
  /** Pins, claims and eviction: what must stay and what may go. */
  readonly keeping: Keeping;
  /** Of files outside the store that stages read; `save` writes what was learnt. */
  readonly stats: StatMemory & Pick<StatCache, "save" | "recordsBeside">;
  objectPath(digest: string): string;
  /** Hashes and seals a finished directory and moves it among the objects. Not yet a hit: `commit` makes it one. */
  adopt(directory: string): Promise<ObjectRecord>;
  /** One transaction: the execution, its objects and their indexes appear together or not at all. */
  commit(execution: ExecutionRecord, objects: readonly ObjectRecord[]): void;
  /** One transaction for all of them. A stage id that has a latest execution keeps it. */
  receive(received: readonly ReceivedExecution[], run?: RunRecord): void;
  /** A hit served this stage id. Writes only where that is news, or the first on this day. */
  serve(stageId: string, fingerprint: string): void;
  /** Keeps the stats of files that were touched and found right. */
  remember(object: ObjectRecord): void;
  /** A run has ended: keeps its record, gives up its claims. */
  recordRun(run: RunRecord): void;
  tryLock(fingerprint: string, holder: LockHolder): LockResult;
  unlock(fingerprint: string, process: ProcessIdentity): void;
  /**
   * Brings artifacts/<stageId>/<output> up to date; answers its path relative to the project. `present` may add
   * files to the copy before it is shown.
   */
  refreshView(
    stageId: string,
    output: string,
    digest: string,
    present?: (directory: string) => Promise<void>,
  ): Promise<string>;
  /** A directory of this process's own for writing, below cache/work/. */
  makeWorkDirectory(name: string): Promise<string>;
  /** Names of the work directories of processes that died. */
  deadWork(): readonly string[];
  /** Names of those of the processes of a machine. */
  workOfHost(host: string): readonly string[];
  /** Removes them. */
  sweepWork(): Promise<void>;
  /** What a person must be told of the index since the last call. */
  takeNotices(): readonly IndexNotice[];
  /** Reads all of index and journal. */
  compareJournal(): JournalComparison & { readonly indexDamage: string | undefined };
  /** Makes a damaged index anew, puts back what only the journal has, writes the journal anew. Answers what came back. */
  repairIndex(): readonly (readonly string[])[];
  /** Directories among the objects that no record names. */
  unindexedObjects(): readonly string[];
  close(): Promise<void>;
}

/** Where a person finds an output, relative to the project. */
export const viewPath = (stageId: string, output: string): string => `artifacts/${stageId}/${output}`;
