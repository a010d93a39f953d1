/** Records of executions as tests of pure rules need them. Not a test. */
import type { StoreSnapshot } from "../../../src/store/keeping-types.ts";
import type { ExecutionRecord } from "../../../src/store/records.ts";

export interface Sketch {
  readonly id: string;
  readonly stage?: string;
  /** Digests. */
  readonly outputs: readonly string[];
  /** Execution id → the digest of it that is read. */
  readonly reads?: Readonly<Record<string, string>>;
  readonly durationMs?: number;
  readonly day?: string;
  readonly evictedAt?: string;
}

export const execution = ({ id, stage = id, outputs, reads = {}, durationMs = 1000, evictedAt }: Sketch) =>
  ({
    fingerprint: id,
    fingerprintVersion: 1,
    stageId: stage,
    stageName: stage,
    params: {},
    runtimeParams: {},
    inputs: Object.fromEntries(
      Object.entries(reads).map(([producer, digest]) => [
        producer,
        { digest, kind: "k", formatVersion: 1, stageId: producer, output: "out", producer },
      ]),
    ),
    outputs: Object.fromEntries(
      outputs.map((digest) => [digest, { digest, kind: "k", formatVersion: 1, sizeBytes: 1, summary: {} }]),
    ),
    source: { digest: "s", files: {} },
    packages: {},
    environment: {},
    runId: "run",
    startedAt: "2026-01-01T00:00:00.000Z",
    durationMs,
    resumedFrom: [],
    logFile: "",
    ...(evictedAt === undefined ? {} : { evictedAt }),
  }) satisfies ExecutionRecord;

export function snapshotOf(
  sketches: readonly Sketch[],
  { sizes, ...rest }: Partial<StoreSnapshot> & { readonly sizes: Readonly<Record<string, number>> },
): StoreSnapshot {
  return {
    executions: sketches.map(execution),
    lastUsed: new Map(sketches.flatMap(({ id, day }) => (day === undefined ? [] : [[id, day] as const]))),
    latest: new Map(),
    objects: new Map(Object.entries(sizes)),
    pins: [],
    claimed: new Set(),
    ...rest,
  };
}
