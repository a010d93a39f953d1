/**
 * What lies in the cache beside artifacts and can go: checkpoints, work, logs, compiled directories, remembered digests, downloads.
 * Each is listed with its size and knows how to remove itself, so that a dry run and a real one see the same.
 */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { thisProcess } from "../../std/process-identity.ts";
import type { StoreSnapshot } from "../../store/keeping-types.ts";
import type { ExecutionRecord } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { GcItem } from "../maintenance-types.ts";
import { liveRuns } from "../live-runs.ts";
import type { OpenProject } from "../open-project.ts";
import { unusedCompiled } from "../prune-compiled.ts";
import { listDirectory, treeFacts } from "./tree-facts.ts";

export interface Collectable {
  readonly item: GcItem;
  /** False where it turned out to be in use. */
  readonly remove: () => Promise<boolean>;
}

export interface CollectPolicy {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Of checkpoints, logs and remembered digests. */
  readonly olderThanMs: number;
  readonly planned: ReadonlySet<string>;
  /** Absolute paths of the files and folders that stages read beside their inputs. */
  readonly localFiles: ReadonlySet<string>;
  readonly downloads: boolean;
}

export function findCollectables(
  project: OpenProject,
  snapshot: StoreSnapshot,
  policy: CollectPolicy,
): Collectable[] {
  const { store } = project;
  return [
    ...idleCheckpoints(project, snapshot, policy),
    ...idleContinuations(store, snapshot),
    ...store.deadWork().map((name) => directoryItem("work", join(store.directory, "work", name), name)),
    ...logs(store, snapshot, policy),
    ...idleStats(store, policy),
    ...unusedCompiled(join(store.directory, "compiled")).map((path) => directoryItem("compiled", path)),
    ...(policy.downloads ? downloads(store) : []),
  ];
}

export function directoryItem(
  kind: GcItem["kind"],
  path: string,
  name = path.split("/").at(-1) ?? path,
): Collectable {
  const { bytes, newestMs } = treeFacts(path);
  return {
    item: { kind, name, bytes, lastUsed: new Date(newestMs).toISOString() },
    remove: async () => {
      await rm(path, { recursive: true, force: true });
      return true;
    },
  };
}

/**
 * Behind a finished execution a checkpoint is of no use, but for the milestones that longer executions go on from;
 * otherwise it stays while it is young or planned for.
 */
function idleCheckpoints(
  { store, checkpoints, continuations }: OpenProject,
  { executions, claimed }: StoreSnapshot,
  { now, olderThanMs, planned }: CollectPolicy,
): Collectable[] {
  const root = join(store.directory, "checkpoints");
  const finished = fingerprintsOfLive(executions);
  return listDirectory(root).flatMap((fingerprint) => {
    if (claimed.has(fingerprint)) return [];
    const path = join(root, fingerprint);
    const { files, newestMs } = treeFacts(path);
    // What it was begun for is nothing to go on from.
    const own = existsSync(checkpoints.recipeFile(fingerprint)) ? 1 : 0;
    const old = !planned.has(fingerprint) && now - newestMs >= olderThanMs;
    const { item, remove } = directoryItem("checkpoint", path);
    const finish = async (): Promise<boolean> => {
      await checkpoints.finish(fingerprint, continuations);
      return true;
    };
    if (finished.has(fingerprint)) return [{ item, remove: () => underLock(store, fingerprint, finish) }];
    return files === own || old ? [{ item, remove: () => underLock(store, fingerprint, remove) }] : [];
  });
}

/** Checkpoints of finished executions (cache/continuations/) go when their execution has gone. */
function idleContinuations(store: Store, { executions, claimed }: StoreSnapshot): Collectable[] {
  const root = join(store.directory, "continuations");
  const finished = fingerprintsOfLive(executions);
  return listDirectory(root)
    .filter((fingerprint) => !finished.has(fingerprint) && !claimed.has(fingerprint))
    .map((fingerprint) => {
      const { item, remove } = directoryItem("continuation", join(root, fingerprint));
      // Made again meanwhile, it is of use.
      const unlessLive = async (): Promise<boolean> =>
        !isLive(store.execution(fingerprint)) && (await remove());
      return { item, remove: () => underLock(store, fingerprint, unlessLive) };
    });
}

const isLive = (execution: ExecutionRecord | undefined): boolean =>
  execution !== undefined && execution.evictedAt === undefined;

const fingerprintsOfLive = (executions: StoreSnapshot["executions"]): ReadonlySet<string> =>
  new Set(executions.filter(isLive).map(({ fingerprint }) => fingerprint));

/** A runner that comes for this checkpoint meanwhile waits, and then finds none. */
export async function underLock(
  store: Store,
  fingerprint: string,
  work: () => Promise<boolean>,
): Promise<boolean> {
  const holder = { process: thisProcess(), runId: "gc", stageId: "gc", since: new Date().toISOString() };
  if (!store.tryLock(fingerprint, holder).acquired) return false;
  try {
    return await work();
  } finally {
    store.unlock(fingerprint, thisProcess());
  }
}

/** Logs of executions that are still hits stay, however old. */
function logs(
  store: Store,
  { executions }: StoreSnapshot,
  { now, olderThanMs }: CollectPolicy,
): Collectable[] {
  const root = join(store.directory, "logs");
  const needed = new Set([
    ...executions.filter(({ evictedAt }) => evictedAt === undefined).map(({ runId }) => runId),
    ...liveRuns(store.directory).map(({ runId }) => runId),
  ]);
  return listDirectory(root).flatMap((runId) => {
    const path = join(root, runId);
    return needed.has(runId) || now - treeFacts(path).newestMs < olderThanMs
      ? []
      : [directoryItem("log", path)];
  });
}

/** Another recipe may name them: they go when nothing was learnt of them for long. Its next plan hashes anew. */
const idleStats = (store: Store, { now, olderThanMs, localFiles }: CollectPolicy): Collectable[] =>
  store.stats
    .recordsBeside(localFiles)
    .filter((path) => now - treeFacts(path).newestMs >= olderThanMs)
    .map((path) => directoryItem("stats", path));

const downloads = (store: Store): Collectable[] =>
  listDirectory(join(store.directory, "downloads")).map((name) =>
    directoryItem("download", join(store.directory, "downloads", name)),
  );
