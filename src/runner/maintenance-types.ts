/** Looking after the store: what `session.maintenance` answers. Plain data, as in session-types.ts. */
import type { AcceptanceRecord, PinRecord } from "../store/records.ts";
import type { RunnerEvent } from "./event.ts";

export type { PinRecord } from "../store/records.ts";

export interface GcOptions {
  /** Only what was not used for so long. Default: 14 days; 0 where `maxBytes` or `unreferenced` is given. */
  readonly olderThanMs?: number;
  /** Evict until the artifacts in the store are no larger. */
  readonly maxBytes?: number;
  /** Everything that nothing needs, however young. */
  readonly unreferenced?: boolean;
  /** Downloads too: they are fetched again when a stage needs them. */
  readonly downloads?: boolean;
  /** Change nothing, answer the same list. */
  readonly dryRun?: boolean;
}

export interface GcItem {
  readonly kind:
    | "execution"
    /** An artifact whose execution ran again under the same fingerprint and gave other bytes. */
    | "replaced"
    /** Files of an artifact that belongs to no execution. */
    | "unindexed"
    | "checkpoint"
    /** Checkpoints of a finished execution that is gone, from which longer ones could have gone on. */
    | "continuation"
    | "work"
    /** What a Slurm job and a runner that never came back left for each other. */
    | "job"
    | "compiled"
    | "log"
    /** Remembered digests of a file or folder that no stage names any more. */
    | "stats"
    | "download"
    /** Entries of the index that point nowhere. */
    | "entry";
  /** The stage, or what it is called on disk. */
  readonly name: string;
  readonly bytes: number;
  /** ISO 8601; of an execution, the end of the day on which it last served. */
  readonly lastUsed?: string;
  /** How long the executions took that would have to run again. */
  readonly rebuildMs?: number;
  /** Executions that are evicted together, because they share artifacts. */
  readonly fingerprints?: readonly string[];
}

export interface GcReport {
  readonly dryRun: boolean;
  /** In the order in which they go. */
  readonly items: readonly GcItem[];
  readonly freedBytes: number;
  readonly rebuildMs: number;
  /** Artifacts that stay. */
  readonly remainingBytes: number;
  /** What a person should know: a size that cannot be reached, downloads that are in use. */
  readonly notes: readonly string[];
}

export interface PinOptions {
  /** A note, e.g. why. */
  readonly name?: string;
  /** Keeps also everything that it came from. */
  readonly withLineage?: boolean;
}

export interface PinReport extends PinRecord {
  /** Bytes that it keeps, lineage included where asked. */
  readonly bytes: number;
  /** False where its files are gone. */
  readonly present: boolean;
}

export interface AcceptReport {
  /** In the order in which they were accepted. */
  readonly accepted: readonly AcceptedStage[];
  /** Stages that must run, and why. */
  readonly refused: readonly { readonly stage: string; readonly reasons: readonly string[] }[];
}

export interface AcceptedStage extends AcceptanceRecord {
  readonly stage: string;
  /** The new one; `fingerprint` is the one that it stands on. */
  readonly acceptedAs: string;
}

export interface VerifyOptions {
  /** What the stage says while it runs. */
  readonly onEvent?: (event: RunnerEvent) => void;
  readonly signal?: AbortSignal;
}

export interface VerifyReport {
  readonly stage: string;
  readonly fingerprint: string;
  readonly equal: boolean;
  readonly durationMs: number;
  /** How long the execution in the store took. */
  readonly recordedMs: number;
  readonly outputs: readonly {
    readonly output: string;
    readonly stored: string;
    readonly again: string;
    readonly differences: readonly FileDifference[];
  }[];
}

export interface FileDifference {
  /** Relative to the artifact. */
  readonly path: string;
  readonly how: "differs" | "only-stored" | "only-again";
  /** Of the first byte that differs, from 0. */
  readonly offset?: number;
  /** Of a JSON file: the first key that differs, e.g. `scores.0.loss`. */
  readonly key?: string;
}

export interface CleanOptions {
  readonly artifacts?: boolean;
  readonly checkpoints?: boolean;
  readonly logs?: boolean;
  readonly compiled?: boolean;
  /** The whole cache and all copies. */
  readonly all?: boolean;
}

export interface CleanPart {
  /** Relative to the project. */
  readonly path: string;
  readonly bytes: number;
  /** What it costs to do without. */
  readonly cost: string;
}

/** What a machine left behind in the store. */
export interface HostRemains {
  readonly host: string;
  readonly locks: readonly { readonly stage: string; readonly runId: string; readonly since: string }[];
  /** Executions and artifacts that it keeps from gc. */
  readonly claims: number;
  /** Runs of it that are marked as alive. */
  readonly runs: readonly string[];
  /** Directories below cache/work/. */
  readonly work: readonly string[];
}

/** `target` is what `lineage` takes: a stage, a digest or fingerprint or the beginning of one, a path below artifacts/. */
export interface Maintenance {
  /** Removes what nothing needs. Throws `GC_OPTIONS`. */
  gc(options?: GcOptions): Promise<GcReport>;
  /** Throws `LINEAGE_UNKNOWN`, `LINEAGE_AMBIGUOUS`, `PIN_GONE`. */
  pin(target: string, options?: PinOptions): readonly PinReport[];
  /** Throws `PIN_UNKNOWN`. Answers what was pinned. */
  unpin(target: string): readonly PinRecord[];
  pins(): readonly PinReport[];
  /**
   * Declares that what changed in the code of a stage changes no result: its latest result stands for the new
   * fingerprint. Throws `ACCEPT_REFUSED` where anything else differs. Without a stage: all whose code alone differs.
   */
  accept(stageId?: string): Promise<AcceptReport>;
  /** Executes a cached stage again, beside the store, and compares. Throws `VERIFY_NOT_CACHED` and what the stage throws. */
  verify(stageId: string, options?: VerifyOptions): Promise<VerifyReport>;
  /** What `clean` would remove. Throws `CLEAN_NOTHING_NAMED` and `CLEAN_WHILE_RUNNING`. */
  planClean(options: CleanOptions): readonly CleanPart[];
  /**
   * What another machine holds. A machine that died holds it for ever: it cannot be asked. Throws `HOST_IS_THIS`,
   * `HOST_UNKNOWN`.
   */
  remainsOf(host: string): HostRemains;
  /** Frees it. A machine that is alive after all does its work twice. Throws what `remainsOf` throws. */
  release(host: string): Promise<HostRemains>;
  /** Removes it. Throws `CLEAN_WHILE_RUNNING`. */
  clean(parts: readonly CleanPart[]): Promise<void>;
}
