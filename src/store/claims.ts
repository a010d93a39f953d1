/**
 * Claims: what a living process is about to read or to commit, kept in the index so that eviction, which is a
 * transaction too, either comes before a claim or sees it. A claim dies with its process.
 */
import { isAlive, thisProcess, type ProcessIdentity } from "../std/process-identity.ts";
import type { IndexDatabase, IndexKey } from "./index-database.ts";
import type { LockHolder } from "./store.ts";

export const claimKey = (owner: string, claimed: string): IndexKey => ["claim", owner, claimed];

/** Owner of claims on objects that are adopted and not yet committed. */
export function adoptingOwner(): string {
  const { pid, startTime } = thisProcess();
  return `process-${pid}-${startTime}`;
}

export interface Claim {
  readonly key: IndexKey;
  /** Fingerprint or digest. */
  readonly claimed: string;
  readonly process: ProcessIdentity;
}

export const claims = (index: IndexDatabase): Claim[] =>
  index.entries(["claim"]).map(({ key, value }) => ({
    key,
    claimed: key[2] ?? "",
    process: value as ProcessIdentity,
  }));

export const locks = (index: IndexDatabase): { fingerprint: string; holder: LockHolder }[] =>
  index
    .entries(["lock"])
    .map(({ key, value }) => ({ fingerprint: key[1] ?? "", holder: value as LockHolder }));

/** Fingerprints and digests that living processes have claimed, and fingerprints that they are making. */
export function claimedByLiving(index: IndexDatabase): ReadonlySet<string> {
  const known = new Map<string, boolean>();
  const lives = (process: ProcessIdentity): boolean => {
    const id = `${process.host}/${process.pid}/${process.startTime}`;
    const alive = known.get(id) ?? isAlive(process);
    known.set(id, alive);
    return alive;
  };
  return new Set([
    ...claims(index)
      .filter(({ process }) => lives(process))
      .map(({ claimed }) => claimed),
    ...locks(index)
      .filter(({ holder }) => lives(holder.process))
      .map(({ fingerprint }) => fingerprint),
  ]);
}
