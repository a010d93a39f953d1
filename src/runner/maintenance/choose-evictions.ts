/**
 * Which executions go, and in which order. Pure: the same choice for a dry run and inside the transaction that
 * evicts. The order is that of GreedyDual-Size (Cao and Irani, "Cost-Aware WWW Proxy Caching Algorithms", USENIX
 * 1997) with cost = recorded duration: the lowest cost for a byte goes first. Age is a limit here, not a term.
 */
import { byCodeUnit } from "../../hashing/canonical.ts";
import type { StoreSnapshot } from "../../store/keeping-types.ts";
import type { ExecutionRecord } from "../../store/records.ts";
import { digestsOf, LiveExecutions, protectedExecutions } from "./reachable.ts";

export interface EvictionPolicy {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly olderThanMs: number;
  readonly maxBytes?: number | undefined;
  /** Stages that pipeline.ts has. The latest execution of any other stage is needed only while it is young. */
  readonly stageIds: ReadonlySet<string>;
  /** Fingerprints that the current recipe plans. */
  readonly planned: ReadonlySet<string>;
  /** When an object without execution came, in milliseconds since the epoch, where it is known. */
  readonly cameAt: (digest: string) => number | undefined;
}

/** Executions that share artifacts go together or stay together: half an execution would be no hit and still cost space. */
export interface EvictionUnit {
  /** Empty for an artifact that no execution names any more. */
  readonly executions: readonly ExecutionRecord[];
  readonly digests: readonly string[];
  readonly bytes: number;
  readonly rebuildMs: number;
  /** Milliseconds since the epoch. */
  readonly lastUsed: number;
}

export interface EvictionPlan {
  readonly units: readonly EvictionUnit[];
  /** Artifacts that stay. */
  readonly remainingBytes: number;
}

const DAY_MS = 86_400_000;

export function chooseEvictions(snapshot: StoreSnapshot, policy: EvictionPolicy): EvictionPlan {
  const live = new LiveExecutions(snapshot.executions);
  const usedAt = (execution: ExecutionRecord): number => lastUse(execution, snapshot, policy.now);
  const young = (ms: number): boolean => policy.now - ms < policy.olderThanMs;
  const kept = protectedExecutions(snapshot, live, {
    planned: policy.planned,
    stageIds: (stageId) => {
      if (policy.stageIds.has(stageId)) return true;
      const execution = live.byFingerprint.get(snapshot.latest.get(stageId) ?? "");
      return execution !== undefined && young(usedAt(execution));
    },
  });
  const pinnedArtifacts = snapshot.pins.map(({ subject }) => subject.replace(/^artifact:/, ""));
  const keptDigests = new Set([
    ...[...live.byFingerprint.values()].filter(({ fingerprint }) => kept.has(fingerprint)).flatMap(digestsOf),
    ...pinnedArtifacts,
    ...snapshot.claimed,
  ]);
  const removable = (digest: string): boolean => snapshot.objects.has(digest) && !keptDigests.has(digest);
  const candidates = [...live.byFingerprint.values()].filter(
    (each) => !kept.has(each.fingerprint) && digestsOf(each).some(removable),
  );
  const size = (digests: readonly string[]): number =>
    digests.reduce((sum, digest) => sum + (snapshot.objects.get(digest) ?? 0), 0);
  const units = [
    ...groupBySharedArtifacts(candidates, removable).map((executions): EvictionUnit => {
      const digests = [...new Set(executions.flatMap(digestsOf))].filter(removable);
      return {
        executions,
        digests,
        bytes: size(digests),
        rebuildMs: executions.reduce((sum, each) => sum + each.durationMs, 0),
        lastUsed: Math.max(...executions.map(usedAt)),
      };
    }),
    ...[...snapshot.objects.keys()]
      .filter((digest) => removable(digest) && live.producers(digest).length === 0)
      .map((digest): EvictionUnit => {
        const lastUsed = policy.cameAt(digest) ?? policy.now;
        return { executions: [], digests: [digest], bytes: size([digest]), rebuildMs: 0, lastUsed };
      }),
  ].filter(({ lastUsed }) => !young(lastUsed));
  return takeInOrder(units, size([...snapshot.objects.keys()]), policy.maxBytes);
}

/** By day where it is recorded, and then to the end of it: rather too young than too old. */
function lastUse(
  { fingerprint, startedAt, durationMs }: ExecutionRecord,
  { lastUsed }: StoreSnapshot,
  now: number,
): number {
  const day = lastUsed.get(fingerprint);
  const known = day === undefined ? Date.parse(startedAt) + durationMs : Date.parse(day) + DAY_MS;
  return Math.min(now, known);
}

function takeInOrder(
  units: readonly EvictionUnit[],
  totalBytes: number,
  maxBytes: number | undefined,
): EvictionPlan {
  const ordered = [...units].sort(
    (a, b) =>
      costOfByte(a) - costOfByte(b) ||
      a.lastUsed - b.lastUsed ||
      byCodeUnit(a.digests.join(), b.digests.join()),
  );
  const taken: EvictionUnit[] = [];
  let remainingBytes = totalBytes;
  for (const unit of ordered) {
    if (maxBytes !== undefined && remainingBytes <= maxBytes) break;
    taken.push(unit);
    remainingBytes -= unit.bytes;
  }
  return { units: taken, remainingBytes };
}

const costOfByte = ({ rebuildMs, bytes }: EvictionUnit): number => rebuildMs / Math.max(1, bytes);

function groupBySharedArtifacts(
  executions: readonly ExecutionRecord[],
  counts: (digest: string) => boolean,
): ExecutionRecord[][] {
  const byDigest = new Map<string, ExecutionRecord[]>();
  for (const each of executions)
    for (const digest of digestsOf(each).filter(counts))
      byDigest.set(digest, [...(byDigest.get(digest) ?? []), each]);
  const grouped = new Set<ExecutionRecord>();
  return executions.flatMap((first) => {
    if (grouped.has(first)) return [];
    const group = new Set([first]);
    // A set that grows while it is walked.
    for (const each of group)
      for (const digest of digestsOf(each)) for (const other of byDigest.get(digest) ?? []) group.add(other);
    for (const each of group) grouped.add(each);
    return [[...group]];
  });
}
