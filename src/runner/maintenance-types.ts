/** Looking after the store: what `session.maintenance` answers. Plain data, as in session-types.ts. */
import type { PinRecord } from "../store/records.ts";

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
    | "compiled"
    | "log"
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

/** `target` is what `lineage` takes: a stage, a digest or fingerprint or the beginning of one, a path below artifacts/. */
export interface Maintenance {
  /** Removes what nothing needs. Throws `GC_OPTIONS`. */
  gc(options?: GcOptions): Promise<GcReport>;
  /** Throws `LINEAGE_UNKNOWN`, `LINEAGE_AMBIGUOUS`, `PIN_GONE`. */
  pin(target: string, options?: PinOptions): readonly PinReport[];
  /** Throws `PIN_UNKNOWN`. Answers what was pinned. */
  unpin(target: string): readonly PinRecord[];
  pins(): readonly PinReport[];
}
