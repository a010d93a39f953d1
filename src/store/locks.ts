/**
 * Locks by fingerprint, kept in the index: taken and healed inside LMDB's write transaction, which one process
 * at a time holds and which the system frees when its holder is killed. So no race between two that heal.
 */
import { isAlive, type ProcessIdentity } from "../std/process-identity.ts";
import type { IndexDatabase } from "./index-database.ts";
import type { LockHolder, LockResult } from "./store.ts";

const key = (fingerprint: string): string[] => ["lock", fingerprint];

const recordedHolder = (index: IndexDatabase, fingerprint: string): LockHolder | undefined =>
  index.get(key(fingerprint)) as LockHolder | undefined;

/** A lock whose holder is dead is as good as none. */
export function lockHolder(index: IndexDatabase, fingerprint: string): LockHolder | undefined {
  const holder = recordedHolder(index, fingerprint);
  return holder !== undefined && isAlive(holder.process) ? holder : undefined;
}

/** `givenUp`: this process had let it go, and could not write so. */
export function tryLock(
  index: IndexDatabase,
  fingerprint: string,
  holder: LockHolder,
  givenUp = false,
): LockResult {
  return index.transaction((put): LockResult => {
    const present = recordedHolder(index, fingerprint);
    const isOwn = present !== undefined && givenUp && isSame(present.process, holder.process);
    if (present !== undefined && !isOwn && isAlive(present.process))
      return { acquired: false, holder: present };
    put(key(fingerprint), holder);
    return present === undefined || isOwn ? { acquired: true } : { acquired: true, healed: present };
  });
}

const isSame = (a: ProcessIdentity, b: ProcessIdentity): boolean =>
  a.host === b.host && a.pid === b.pid && a.startTime === b.startTime;

/** Frees the lock where this process holds it; a lock that was taken over stays. */
export function unlock(index: IndexDatabase, fingerprint: string, process: ProcessIdentity): void {
  index.transaction((_put, remove) => {
    const present = recordedHolder(index, fingerprint)?.process;
    if (present?.pid === process.pid && present.startTime === process.startTime) remove(key(fingerprint));
  });
}
