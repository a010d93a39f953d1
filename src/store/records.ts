/** What the store remembers, as JSON: objects, executions and runs. Types only. */
import type { TreeFile } from "../hashing/tree.ts";
import type { Json, JsonObject } from "../std/json.ts";

/** A file of an object, and the stat it had when its bytes were last known to be right. */
export interface StoredFile extends TreeFile {
  /** `mtimeNs:ctimeNs:inode`. Another stat means the file was touched and is hashed again before it is believed. */
  readonly stat: string;
}

export interface ObjectRecord {
  readonly digest: string;
  readonly sizeBytes: number;
  readonly files: readonly StoredFile[];
}

export interface InputRecord {
  readonly digest: string;
  readonly kind: string;
  readonly formatVersion: number;
  /** Where it came from when it was read. */
  readonly stageId: string;
  readonly output: string;
  /** Fingerprint of the execution that made it. */
  readonly producer: string;
}

export interface OutputEntry {
  readonly digest: string;
  readonly kind: string;
  readonly formatVersion: number;
  readonly sizeBytes: number;
  readonly summary: JsonObject;
}

export interface ExtendedFrom {
  readonly fingerprint: string;
  /** The last step that was not computed again. */
  readonly step: number;
}

/** What a stage said of how its result came about. */
export interface Remark {
  /** It is about what was made after this step; 0: about all of it. */
  readonly step: number;
  readonly text: string;
}

/** How a record came here from another machine. */
export interface Origin {
  /** The public key that vouched for it. */
  readonly key: string;
  /** When it came here, ISO 8601. */
  readonly at: string;
  /** The archive's name, or the remote's address. */
  readonly from: string;
  /** Only the record came; its files were left out. */
  readonly lineageOnly?: true;
}

/** One finished execution: the recipe under its fingerprint, what came of it, and how. */
export interface ExecutionRecord {
  readonly fingerprint: string;
  readonly fingerprintVersion: number;
  /** The id it ran under; others may share the result. */
  readonly stageId: string;
  readonly stageName: string;
  /** Identity params, parsed. */
  readonly params: JsonObject;
  /** Params that were not part of the fingerprint. */
  readonly runtimeParams: JsonObject;
  readonly inputs: Readonly<Record<string, InputRecord>>;
  readonly outputs: Readonly<Record<string, OutputEntry>>;
  readonly source: { readonly digest: string; readonly files: Readonly<Record<string, string>> };
  readonly packages: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, Json>>;
  readonly runId: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /**
   * Of work, all slices together, each up to the checkpoint that the next one went on from. What was lost between a
   * checkpoint and a kill is not in it.
   */
  readonly durationMs: number;
  /** Checkpoint steps from which it was resumed after interrupts. */
  readonly resumedFrom: readonly number[];
  /** The finished execution from whose checkpoint it went on, where it did not begin at the beginning. */
  readonly extended?: ExtendedFrom;
  /** In the order of their steps; absent where there are none. */
  readonly remarks?: readonly Remark[];
  /** Shared by executions that could go on from one another. */
  readonly family?: string;
  /** Tries that failed before the one that finished it, in the run that did; absent where there were none. */
  readonly retries?: number;
  /** Relative to the project. */
  readonly logFile: string;
  /** When its artifacts were removed to make room; a tombstone serves lineage and is never a hit. ISO 8601. */
  readonly evictedAt?: string;
  /** Set where it was not executed under this fingerprint, but declared to be what it would have given. */
  readonly acceptedFrom?: AcceptanceRecord;
  /** Absent for what was made here. */
  readonly origin?: Origin;
}

/** A person's word that a change of code changes no result. */
export interface AcceptanceRecord {
  /** Of the execution whose result stands for this one. */
  readonly fingerprint: string;
  /** ISO 8601. */
  readonly at: string;
  /** What differs between the two, as sentences: source files and packages. */
  readonly changes: readonly string[];
}

/** What a person asked to keep. */
export interface PinRecord {
  /** `artifact:<digest>` or `execution:<fingerprint>`, as lineage names them. */
  readonly subject: string;
  /** As it was written: a stage, a digest, a path. */
  readonly target: string;
  /** Keeps also everything that it came from. */
  readonly withLineage: boolean;
  /** The person's own words. */
  readonly name?: string;
  /** ISO 8601. */
  readonly pinnedAt: string;
}

export interface RunRecord {
  readonly runId: string;
  readonly pipeline: string;
  readonly config: string;
  readonly targets: readonly string[];
  /** ISO 8601. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly status: "succeeded" | "failed" | "interrupted";
  readonly executed: number;
  readonly hits: number;
  /** What each stage of the run came to. */
  readonly stages: Readonly<Record<string, RunStageRecord>>;
  /** Absent for a run of this project. */
  readonly origin?: Origin;
}

export interface RunStageRecord {
  readonly outcome: "hit" | "executed" | "failed" | "interrupted" | "skipped";
  readonly fingerprint: string | null;
}
