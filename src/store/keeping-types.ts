/**
 * What keeping the store small needs of it: who needs what (pins, claims of living runs, last use), and eviction.
 * What is worth evicting is not decided here. docs/adr/0015 has the rules.
 */
import type { Held } from "./claims.ts";
import type { ExecutionRecord, PinRecord } from "./records.ts";

/** All that decides what may go, read inside one write transaction: nobody changes it meanwhile. */
export interface StoreSnapshot {
  readonly executions: readonly ExecutionRecord[];
  /** Day (`YYYY-MM-DD`, UTC) on which an execution last served, by fingerprint. */
  readonly lastUsed: ReadonlyMap<string, string>;
  /** Stage id → fingerprint of the execution that last served it. */
  readonly latest: ReadonlyMap<string, string>;
  /** Bytes by digest. */
  readonly objects: ReadonlyMap<string, number>;
  readonly pins: readonly PinRecord[];
  /** Fingerprints and digests that living runs have claimed or are making. */
  readonly claimed: ReadonlySet<string>;
}

export interface EvictionChoice {
  readonly fingerprints: readonly string[];
  /** Objects that no execution names any more. */
  readonly orphans: readonly string[];
}

export interface Evicted {
  /** As they were before. */
  readonly executions: readonly ExecutionRecord[];
  /** Digests that left the index. */
  readonly objects: readonly string[];
}

/** An entry of the index that is not what it should be. */
export interface IndexLeftover {
  readonly code:
    | "object-without-execution"
    | "entry-without-execution"
    | "pin-without-object"
    | "claim-of-dead-process"
    | "lock-of-dead-process";
  readonly message: string;
  /** The digest or fingerprint that it is about. */
  readonly key: string;
}

export interface Keeping {
  /** In the order of their subjects. */
  pins(): readonly PinRecord[];
  /** Replaces the pin of the same subject. */
  pin(pin: PinRecord): void;
  /** False where the subject was not pinned. */
  unpin(subject: string): boolean;
  /**
   * Keeps executions from being evicted until the run ends or its process dies. Answers those that were evicted
   * already; where there is one, nothing is claimed.
   */
  claim(runId: string, fingerprints: readonly string[]): readonly string[];
  snapshot(): StoreSnapshot;
  /**
   * Chooses what goes and marks it, in one transaction: executions become tombstones, and objects that no other
   * execution needs leave the index. Their files go with `removeUnindexed`. What is claimed stays whatever was chosen.
   */
  evict(choose: (snapshot: StoreSnapshot) => EvictionChoice, at: string): Evicted;
  /**
   * Removes the files of objects that no record names and no living process claims, where they came before
   * `beforeMs` (since the epoch): what came later may be about to be committed. Answers what was removed.
   */
  removeUnindexed(digests: readonly string[], beforeMs: number): Promise<readonly string[]>;
  /** Links below artifacts/ that lead to files that are gone, relative to the project. */
  brokenViews(): readonly string[];
  /** Entries that point nowhere and notes of processes that died; harmless. */
  leftovers(): readonly IndexLeftover[];
  /** Removes what `leftovers` names, except pins, which are a person's, and objects, which `evict` takes. Answers how many. */
  removeLeftovers(): number;
  /** What processes hold in the index, by the name of their machine; also of those that died. */
  held(): ReadonlyMap<string, Held>;
  /** Takes the locks and claims of a machine that is dead. Whether it is, nobody can see from here. */
  release(host: string): void;
}
