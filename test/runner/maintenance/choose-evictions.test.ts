import fc from "fast-check";
import { expect, test } from "vitest";
import { chooseEvictions, type EvictionPolicy } from "../../../src/runner/maintenance/choose-evictions.ts";
import type { PinRecord } from "../../../src/store/records.ts";
import { snapshotOf, type Sketch } from "./records.ts";

const NOW = Date.parse("2026-03-01T12:00:00Z");
const DAY_MS = 86_400_000;
const policy: EvictionPolicy = {
  now: NOW,
  olderThanMs: 0,
  stageIds: new Set(),
  planned: new Set(),
  cameAt: () => undefined,
};
const pinOf = (subject: string, withLineage = false): PinRecord => ({
  subject,
  target: "t",
  withLineage,
  pinnedAt: "",
});
const goes = (plan: ReturnType<typeof chooseEvictions>): string[][] =>
  plan.units.map(({ executions }) => executions.map(({ fingerprint }) => fingerprint));

const chain: readonly Sketch[] = [
  { id: "raw", outputs: ["r"] },
  { id: "made", outputs: ["m"], reads: { raw: "r" } },
];
const sizes = { r: 10, m: 10 };

test("what the latest execution of a stage was made from stays, and everything goes that nothing names", () => {
  const latest = new Map([["made", "made"]]);
  const stageIds = new Set(["made"]);
  expect(goes(chooseEvictions(snapshotOf(chain, { sizes, latest }), { ...policy, stageIds }))).toEqual([]);
  expect(
    goes(chooseEvictions(snapshotOf(chain, { sizes }), policy))
      .flat()
      .sort(),
  ).toEqual(["made", "raw"]);
});

test("the latest execution of a stage that the pipeline has no more stays while it is young", () => {
  const days = chain.map((each) => ({ ...each, day: "2026-02-20" }));
  const snapshot = snapshotOf(days, { sizes, latest: new Map([["made", "made"]]) });
  expect(goes(chooseEvictions(snapshot, { ...policy, olderThanMs: 14 * DAY_MS }))).toEqual([]);
  expect(goes(chooseEvictions(snapshot, { ...policy, olderThanMs: 7 * DAY_MS })).flat()).toHaveLength(2);
});

test("what the current recipe plans stays, also where another recipe ran last", () => {
  const plan = chooseEvictions(snapshotOf(chain, { sizes }), { ...policy, planned: new Set(["made"]) });
  expect(goes(plan)).toEqual([]);
});

test("a pinned execution stays, what it came from stays only where that was asked", () => {
  const pinned = (withLineage: boolean) =>
    goes(chooseEvictions(snapshotOf(chain, { sizes, pins: [pinOf("execution:made", withLineage)] }), policy));
  expect(pinned(false)).toEqual([["raw"]]);
  expect(pinned(true)).toEqual([]);
});

test("a pinned artifact keeps the whole execution that made it", () => {
  const two: readonly Sketch[] = [{ id: "two", outputs: ["x", "y"] }];
  const snapshot = snapshotOf(two, { sizes: { x: 1, y: 1 }, pins: [pinOf("artifact:x")] });
  expect(goes(chooseEvictions(snapshot, policy))).toEqual([]);
});

test("what a living run has claimed stays", () => {
  const snapshot = snapshotOf(chain, { sizes, claimed: new Set(["raw"]) });
  expect(goes(chooseEvictions(snapshot, policy))).toEqual([["made"]]);
});

test("a day of last use counts to its end", () => {
  const used = (day: string) =>
    goes(
      chooseEvictions(snapshotOf([{ id: "a", outputs: ["x"], day }], { sizes: { x: 1 } }), {
        ...policy,
        olderThanMs: 10 * DAY_MS,
      }),
    );
  expect(used("2026-02-17")).toEqual([["a"]]);
  expect(used("2026-02-19")).toEqual([]); // 10.5 days since its beginning, 9.5 since its end
});

test("without a recorded use, an execution counts from its end", () => {
  const snapshot = snapshotOf([{ id: "a", outputs: ["x"] }], { sizes: { x: 1 } });
  expect(goes(chooseEvictions(snapshot, { ...policy, olderThanMs: 90 * DAY_MS }))).toEqual([]);
  expect(goes(chooseEvictions(snapshot, { ...policy, olderThanMs: 50 * DAY_MS }))).toEqual([["a"]]);
});

test("what is large and cheap to compute goes first, and no more goes than must", () => {
  const snapshot = snapshotOf(
    [
      { id: "trained", outputs: ["t"], durationMs: 1_000_000 },
      { id: "sampled", outputs: ["s"], durationMs: 1000 },
      { id: "small", outputs: ["l"], durationMs: 1000 },
    ],
    { sizes: { t: 1000, s: 1000, l: 10 } },
  );
  const upTo = (maxBytes: number) => chooseEvictions(snapshot, { ...policy, maxBytes });
  expect(goes(upTo(3000))).toEqual([]);
  expect(upTo(1500)).toMatchObject({ remainingBytes: 1010 });
  expect(goes(upTo(1500))).toEqual([["sampled"]]);
  expect(goes(upTo(0))).toEqual([["sampled"], ["small"], ["trained"]]);
});

test("executions that share an artifact go together", () => {
  const shared: readonly Sketch[] = [
    { id: "a", outputs: ["x", "common"] },
    { id: "b", outputs: ["common"] },
  ];
  const snapshot = snapshotOf(shared, { sizes: { x: 1, common: 100 } });
  const plan = chooseEvictions(snapshot, { ...policy, maxBytes: 100 });
  expect(goes(plan)).toEqual([["a", "b"]]);
  expect(plan.units[0]).toMatchObject({ bytes: 101, rebuildMs: 2000 });
});

test("an execution whose artifacts another one needs stays: its eviction would free nothing", () => {
  const shared: readonly Sketch[] = [
    { id: "needed", outputs: ["x"] },
    { id: "other", outputs: ["x"] },
  ];
  const snapshot = snapshotOf(shared, { sizes: { x: 1 }, pins: [pinOf("execution:needed")] });
  // The pin is of one execution; the artifact is kept for it, so the other stays a hit for nothing.
  expect(goes(chooseEvictions(snapshot, policy))).toEqual([]);
});

test("an artifact that a later execution replaced goes by the age of its files, and not where it is pinned", () => {
  const orphan = (pins: readonly PinRecord[], olderThanMs: number) =>
    chooseEvictions(snapshotOf([], { sizes: { old: 5 }, pins }), {
      ...policy,
      olderThanMs,
      cameAt: () => NOW - DAY_MS,
    }).units.flatMap(({ digests }) => digests);
  expect(orphan([], DAY_MS)).toEqual(["old"]);
  expect(orphan([], 2 * DAY_MS)).toEqual([]);
  expect(orphan([pinOf("artifact:old")], DAY_MS)).toEqual([]);
});

test("a tombstone is never evicted again and protects nothing", () => {
  const snapshot = snapshotOf(
    [
      { id: "gone", outputs: ["x"], evictedAt: "2026-02-01T00:00:00Z" },
      { id: "again", stage: "again", outputs: ["x"] },
    ],
    { sizes: { x: 1 }, latest: new Map([["gone", "gone"]]) },
  );
  expect(goes(chooseEvictions(snapshot, { ...policy, stageIds: new Set(["gone"]) }))).toEqual([["again"]]);
});

test("whatever the store holds: nothing that is needed goes, and what goes was all that its executions had", () => {
  const digest = fc.constantFrom("a", "b", "c", "d", "e");
  const sketches = fc.uniqueArray(
    fc.record({
      id: fc.constantFrom("1", "2", "3", "4", "5", "6"),
      outputs: fc.uniqueArray(digest, { minLength: 1 }),
    }),
    { selector: ({ id }) => id },
  );
  fc.assert(
    fc.property(
      sketches,
      fc.subarray(["1", "2", "3", "4", "5", "6"]),
      fc.nat(600),
      (made, needed, maxBytes) => {
        const objects = Object.fromEntries(made.flatMap(({ outputs }) => outputs).map((each) => [each, 100]));
        const plan = chooseEvictions(snapshotOf(made, { sizes: objects }), {
          ...policy,
          planned: new Set(needed),
          maxBytes,
        });
        const evicted = new Set(goes(plan).flat());
        const removed = new Set(plan.units.flatMap(({ digests }) => digests));
        for (const { id, outputs } of made)
          if (!evicted.has(id)) for (const each of outputs) expect(removed.has(each)).toBe(false);
        for (const id of needed) expect(evicted.has(id)).toBe(false);
        expect(plan.remainingBytes).toBe(100 * (Object.keys(objects).length - removed.size));
      },
    ),
  );
});
