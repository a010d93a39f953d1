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

/** What processes of one machine hold in the index: fingerprints of locks, and how many claims. */
export interface Held {
  readonly locks: readonly { readonly fingerprint: string; readonly holder: LockHolder }[];
  readonly claims: number;
}

/** By the name of the machine. */
export function heldByHost(index: IndexDatabase): ReadonlyMap<string, Held> {
  const held = new Map<string, Held>();
  const of = (host: string): Held => held.get(host) ?? { locks: [], claims: 0 };
  for (const lock of locks(index)) {
    const { host } = lock.holder.process;
    held.set(host, { ...of(host), locks: [...of(host).locks, lock] });
  }
  for (const { process } of claims(index))
    held.set(process.host, { ...of(process.host), claims: of(process.host).claims + 1 });
  return held;
}

/** Takes locks and claims of a machine out of the index, in one transaction. */
export function releaseHost(index: IndexDatabase, host: string): void {
  index.transaction((_put, remove) => {
    for (const { fingerprint, holder } of locks(index))
      if (holder.process.host === host) remove(["lock", fingerprint]);
    for (const { key, process } of claims(index)) if (process.host === host) remove(key);
  });
}
