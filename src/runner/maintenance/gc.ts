/**
 * `gc`: chooses what nothing needs, marks it in one transaction, then removes files. It may run beside runs and may
 * be killed anywhere: what a living run has claimed stays, and files without a record are found by the next `gc`.
 */
import { lstatSync } from "node:fs";
import { resolve } from "node:path";
import { userError } from "../../errors.ts";
import type { StoreSnapshot } from "../../store/keeping-types.ts";
import type { Store } from "../../store/store.ts";
import type { GcItem, GcOptions, GcReport } from "../maintenance-types.ts";
import type { OpenProject } from "../open-project.ts";
import { abandonedJobs } from "./abandoned-jobs.ts";
import {
  chooseEvictions,
  type EvictionPlan,
  type EvictionPolicy,
  type EvictionUnit,
} from "./choose-evictions.ts";
import { findCollectables, type Collectable, type CollectPolicy } from "./collectables.ts";
import { digestsOf } from "./reachable.ts";
import { treeFacts } from "./tree-facts.ts";

const DEFAULT_AGE_MS = 14 * 86_400_000;

/** Longer than any commit takes from its first rename to its transaction. */
const UNINDEXED_AFTER_MS = 3_600_000;

export async function gc(project: OpenProject, options: GcOptions): Promise<GcReport> {
  const { olderThanMs, maxBytes, unreferenced = false, downloads = false, dryRun = false } = options;
  if (unreferenced && olderThanMs !== undefined)
    throw userError(
      "GC_OPTIONS",
      "everything unreferenced and only what is old cannot both be asked for",
      "leave one of --unreferenced and --older-than out",
    );
  const { store } = project;
  const now = Date.now();
  const { planned, localFiles } = await neededByRecipe(project);
  const policy: EvictionPolicy = {
    now,
    olderThanMs: olderThanMs ?? (unreferenced || maxBytes !== undefined ? 0 : DEFAULT_AGE_MS),
    maxBytes,
    stageIds: new Set(project.parts.resolved.stages.map(({ id }) => id)),
    planned,
    cameAt: (digest) => lstatSync(store.objectPath(digest), { throwIfNoEntry: false })?.ctimeMs,
  };
  const plan = dryRun ? chooseEvictions(store.keeping.snapshot(), policy) : await evict(store, policy);
  const snapshot = store.keeping.snapshot();
  const collect: CollectPolicy = {
    now,
    // A checkpoint may be all there is of days of work: it is never taken for being unreferenced alone.
    olderThanMs: olderThanMs ?? DEFAULT_AGE_MS,
    planned,
    localFiles,
    downloads: downloads && snapshot.claimed.size === 0,
  };
  const { jobs, note } = await abandonedJobs(project, snapshot, collect);
  const found = [
    ...unindexed(store, snapshot, now),
    ...findCollectables(project, snapshot, collect),
    ...jobs,
    ...deadEntries(store),
  ];
  const collected: GcItem[] = [];
  for (const { item, remove } of found) if (dryRun || (await remove())) collected.push(item);
  const items = [...plan.units.map(itemOf), ...collected];
  return {
    dryRun,
    items,
    freedBytes: items.reduce((sum, { bytes }) => sum + bytes, 0),
    rebuildMs: items.reduce((sum, { rebuildMs = 0 }) => sum + rebuildMs, 0),
    remainingBytes: plan.remainingBytes,
    notes: [...notes(plan, options, snapshot), ...(note === undefined ? [] : [note])],
  };
}

interface Needed {
  /** Fingerprints. */
  readonly planned: ReadonlySet<string>;
  /** Absolute paths. */
  readonly localFiles: ReadonlySet<string>;
}

/** Of the recipe that the session has open: also of hits that another recipe's run has followed. */
async function neededByRecipe(project: OpenProject): Promise<Needed> {
  const { plan, stages } = await project.plan();
  return {
    planned: new Set(plan.stages.flatMap(({ fingerprint }) => (fingerprint === null ? [] : [fingerprint]))),
    localFiles: new Set(
      stages.flatMap(({ recipe }) => recipe.localFiles.map(({ path }) => resolve(project.projectRoot, path))),
    ),
  };
}

async function evict(store: Store, policy: EvictionPolicy): Promise<EvictionPlan> {
  let plan: EvictionPlan = { units: [], remainingBytes: 0 };
  const { objects } = store.keeping.evict((snapshot) => {
    plan = chooseEvictions(snapshot, policy);
    return {
      fingerprints: plan.units.flatMap(({ executions }) => executions.map(({ fingerprint }) => fingerprint)),
      orphans: plan.units.flatMap(({ executions, digests }) => (executions.length === 0 ? digests : [])),
    };
  }, new Date(policy.now).toISOString());
  await store.keeping.removeUnindexed(objects, policy.now);
  return plan;
}

function itemOf({ executions, bytes, rebuildMs, lastUsed, digests }: EvictionUnit): GcItem {
  const used = { bytes, lastUsed: new Date(lastUsed).toISOString() };
  if (executions.length === 0) return { kind: "replaced", name: digests.join(" "), ...used };
  const stages = [...new Set(executions.map(({ stageId }) => stageId))];
  const fingerprints = executions.map(({ fingerprint }) => fingerprint);
  return { kind: "execution", name: stages.join(" and "), ...used, rebuildMs, fingerprints };
}

/** Files that no record names: left by a run that was killed before its commit, or by a collection that was. */
function unindexed(store: Store, { executions }: StoreSnapshot, now: number): Collectable[] {
  const evictedAt = new Map<string, number>();
  for (const each of executions)
    for (const digest of digestsOf(each))
      if (each.evictedAt !== undefined)
        evictedAt.set(digest, Math.max(evictedAt.get(digest) ?? 0, Date.parse(each.evictedAt)));
  return store.unindexedObjects().flatMap((digest): Collectable[] => {
    const path = store.objectPath(digest);
    // What came after its eviction was made again, and is about to be committed.
    const before = evictedAt.get(digest) ?? now - UNINDEXED_AFTER_MS;
    const came = lstatSync(path, { throwIfNoEntry: false })?.ctimeMs ?? Infinity;
    if (came >= before) return [];
    const item: GcItem = { kind: "unindexed", name: digest, bytes: treeFacts(path).bytes };
    const remove = async () => (await store.keeping.removeUnindexed([digest], before)).length > 0;
    return [{ item, remove }];
  });
}

function deadEntries(store: Store): Collectable[] {
  const dead = store.keeping
    .leftovers()
    .filter(({ code }) => code !== "pin-without-object" && code !== "object-without-execution");
  if (dead.length === 0) return [];
  return [
    {
      item: { kind: "entry", name: `${dead.length} entries of the index that point nowhere`, bytes: 0 },
      remove: () => Promise.resolve(store.keeping.removeLeftovers() > 0),
    },
  ];
}

function notes(
  { remainingBytes }: EvictionPlan,
  { maxBytes, downloads = false, olderThanMs }: GcOptions,
  { claimed }: StoreSnapshot,
): string[] {
  const needed =
    olderThanMs === undefined
      ? "the recipe, a pin or a running pipeline needs the rest"
      : "the rest is needed or younger";
  return [
    ...(maxBytes !== undefined && remainingBytes > maxBytes
      ? [`the artifacts that stay are larger than was asked for: ${needed}`]
      : []),
    ...(downloads && claimed.size > 0 ? ["downloads stay: a run may be reading them"] : []),
  ];
}
