/** What must stay: executions that something needs, and what those read. Pure. */
import type { StoreSnapshot } from "../../store/keeping-types.ts";
import type { ExecutionRecord } from "../../store/records.ts";

/** Executions by fingerprint and by what they made; tombstones are left out. */
export class LiveExecutions {
  readonly byFingerprint: ReadonlyMap<string, ExecutionRecord>;
  readonly #byOutput = new Map<string, string[]>();

  constructor(executions: readonly ExecutionRecord[]) {
    const live = executions.filter(({ evictedAt }) => evictedAt === undefined);
    this.byFingerprint = new Map(live.map((each) => [each.fingerprint, each]));
    for (const each of live)
      for (const digest of digestsOf(each))
        this.#byOutput.set(digest, [...this.producers(digest), each.fingerprint]);
  }

  producers(digest: string): readonly string[] {
    return this.#byOutput.get(digest) ?? [];
  }

  /** The given executions and, upwards, all that they were made from. */
  withWhatTheyRead(fingerprints: Iterable<string>): Set<string> {
    const reached = new Set([...fingerprints].filter((each) => this.byFingerprint.has(each)));
    // A set that grows while it is walked: what was added is walked too.
    for (const fingerprint of reached)
      for (const { producer, digest } of Object.values(this.byFingerprint.get(fingerprint)?.inputs ?? {}))
        for (const each of this.producers(digest).includes(producer) ? [producer] : this.producers(digest))
          reached.add(each);
    return reached;
  }
}

export const digestsOf = ({ outputs }: ExecutionRecord): string[] => [
  ...new Set(Object.values(outputs).map(({ digest }) => digest)),
];

/** Executions that a pin names. */
export function pinnedExecutions(live: LiveExecutions, subject: string): readonly string[] {
  const [type, key = ""] = subject.split(":");
  if (type === "artifact") return live.producers(key);
  return live.byFingerprint.has(key) ? [key] : [];
}

export interface Needs {
  /** Ids of stages whose latest execution is needed. */
  readonly stageIds: (stageId: string) => boolean;
  /** Fingerprints that the current recipe plans. */
  readonly planned: ReadonlySet<string>;
}

/** Fingerprints of all executions that must stay. */
export function protectedExecutions(
  { latest, pins, claimed }: Pick<StoreSnapshot, "latest" | "pins" | "claimed">,
  live: LiveExecutions,
  needs: Needs,
): ReadonlySet<string> {
  const current = [...latest].filter(([stageId]) => needs.stageIds(stageId)).map(([, each]) => each);
  const pinned = (withLineage: boolean): string[] =>
    pins
      .filter((pin) => pin.withLineage === withLineage)
      .flatMap(({ subject }) => pinnedExecutions(live, subject));
  return new Set([
    ...live.withWhatTheyRead([...current, ...needs.planned, ...pinned(true)]),
    ...pinned(false),
    ...claimed,
  ]);
}
