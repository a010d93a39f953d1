/**
 * Pins, claims and eviction in the index (docs/adr/0015). Eviction marks first and removes files after: a kill in
 * between leaves files without a record, never a record of a hit without files.
 */
import { existsSync, lstatSync, readdirSync, renameSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { isAlive, thisProcess } from "../std/process-identity.ts";
import { claimedByLiving, claimKey, claims, heldByHost, releaseHost } from "./claims.ts";
import type { IndexDatabase } from "./index-database.ts";
import type { Evicted, EvictionChoice, Keeping, StoreSnapshot } from "./keeping-types.ts";
import { leftovers, removeLeftovers } from "./leftovers.ts";
import type { ExecutionRecord, ObjectRecord, PinRecord } from "./records.ts";
import { viewPath } from "./store.ts";

export interface KeepingParts {
  readonly projectRoot: string;
  readonly index: IndexDatabase;
  readonly objectPath: (digest: string) => string;
  /** Gives a directory of this process's own, which is swept if it dies. */
  readonly makeWorkDirectory: (name: string) => Promise<string>;
  /** Told who claims something, so that closing the store gives it up. */
  readonly claimants: Set<string>;
}

export function openKeeping(parts: KeepingParts): Keeping {
  const { index, claimants } = parts;
  const execution = (fingerprint: string) =>
    index.get(["execution", fingerprint]) as ExecutionRecord | undefined;
  return {
    pins: () => pins(index),
    pin: (pin) => index.transaction((put) => put(["pin", pin.subject], pin)),
    unpin: (subject) =>
      index.transaction((_put, remove) => {
        const present = index.get(["pin", subject]) !== undefined;
        if (present) remove(["pin", subject]);
        return present;
      }),
    claim: (runId, fingerprints) =>
      index.transaction((put) => {
        const gone = fingerprints.filter((each) => execution(each)?.evictedAt !== undefined);
        if (gone.length > 0) return gone;
        claimants.add(runId);
        for (const each of fingerprints) put(claimKey(runId, each), thisProcess());
        return [];
      }),
    snapshot: () => snapshot(index),
    evict: (choose, at) => evict(index, choose, at),
    removeUnindexed: (digests, beforeMs) => removeUnindexed(parts, digests, beforeMs),
    brokenViews: () => brokenViews(parts),
    leftovers: () => leftovers(index),
    removeLeftovers: () => removeLeftovers(index),
    held: () => heldByHost(index),
    release: (host) => releaseHost(index, host),
  };
}

/** Inside a transaction. */
export function releaseClaims(index: IndexDatabase, runId: string, remove: (key: string[]) => void): void {
  for (const { key } of index.entries(["claim", runId])) remove(key);
}

const pins = (index: IndexDatabase): PinRecord[] =>
  index.entries(["pin"]).map(({ value }) => value as PinRecord);

function snapshot(index: IndexDatabase): StoreSnapshot {
  const strings = (table: string) =>
    new Map(index.entries([table]).map(({ key, value }) => [key[1] ?? "", value as string]));
  return {
    executions: index.entries(["execution"]).map(({ value }) => value as ExecutionRecord),
    lastUsed: strings("used"),
    latest: strings("latest"),
    objects: new Map(
      index.entries(["object"]).map(({ key, value }) => [key[1] ?? "", (value as ObjectRecord).sizeBytes]),
    ),
    pins: pins(index),
    claimed: claimedByLiving(index),
  };
}

function evict(
  index: IndexDatabase,
  choose: (snapshot: StoreSnapshot) => EvictionChoice,
  at: string,
): Evicted {
  return index.transaction((put, remove) => {
    const now = snapshot(index);
    const choice = choose(now);
    const chosen = new Set(choice.fingerprints.filter((each) => !now.claimed.has(each)));
    const going = now.executions.filter(
      ({ fingerprint, evictedAt }) => evictedAt === undefined && chosen.has(fingerprint),
    );
    const staying = now.executions.filter(
      ({ fingerprint, evictedAt }) => evictedAt === undefined && !chosen.has(fingerprint),
    );
    const needed = new Set([...staying.flatMap(digestsOf), ...now.claimed]);
    const objects = [...new Set([...going.flatMap(digestsOf), ...choice.orphans])].filter(
      (digest) => !needed.has(digest) && now.objects.has(digest),
    );
    for (const record of going) {
      put(["execution", record.fingerprint], { ...record, evictedAt: at });
      remove(["used", record.fingerprint]);
    }
    for (const digest of objects) remove(["object", digest]);
    return { executions: going, objects };
  });
}

const digestsOf = ({ outputs }: ExecutionRecord): string[] =>
  Object.values(outputs).map(({ digest }) => digest);

function brokenViews({ index, projectRoot }: KeepingParts): string[] {
  return index.entries(["view"]).flatMap(({ key: [, stageId = "", output = ""] }) => {
    const path = viewPath(stageId, output);
    if (!existsSync(join(projectRoot, path))) return [];
    const entries = readdirSync(join(projectRoot, path), { withFileTypes: true, recursive: true });
    return entries
      .filter((entry) => entry.isSymbolicLink() && !existsSync(join(entry.parentPath, entry.name)))
      .map((entry) => relative(projectRoot, join(entry.parentPath, entry.name)));
  });
}

async function removeUnindexed(
  { index, objectPath, makeWorkDirectory }: KeepingParts,
  digests: readonly string[],
  beforeMs: number,
): Promise<readonly string[]> {
  if (digests.length === 0) return [];
  const trash = await makeWorkDirectory("trash");
  const removed: string[] = [];
  for (const digest of digests) {
    // Inside a transaction, so that no commit and no claim falls between the look and the move.
    const moved = index.transaction(() => {
      const path = objectPath(digest);
      const stat = lstatSync(path, { throwIfNoEntry: false });
      const came = stat?.ctimeMs ?? Infinity; // a rename sets the ctime
      const wanted = index.get(["object", digest]) !== undefined;
      const claimed = claims(index).some((each) => each.claimed === digest && isAlive(each.process));
      if (wanted || claimed || came >= beforeMs) return false;
      renameSync(path, join(trash, digest));
      return true;
    });
    if (!moved) continue;
    removed.push(digest);
    // Objects are read-only files in writable directories, which `rm` removes.
    await rm(join(trash, digest), { recursive: true, force: true });
  }
  await rm(trash, { recursive: true, force: true });
  return removed;
}
