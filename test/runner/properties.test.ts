/** What must hold for every DAG and every edit; the naive oracle of random-world.ts recomputes everything. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { listTree } from "../../src/hashing/tree.ts";
import type { ExecutionRecord } from "../../src/store/records.ts";
import { Laboratory } from "./laboratory.ts";
import { applyEdit, Oracle, steps, worlds, type World } from "./random-world.ts";

const CASES = Number(process.env["PROPERTY_CASES"] ?? "40");

/** Marsaglia, Xorshift RNGs, Journal of Statistical Software 8 (2003). */
function drawing(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const idOf = (world: World, pick: number): string => [...world.stages.keys()][pick % world.stages.size] ?? "";

/** Ids of a target and of all that it needs. */
function needed(world: World, id: string): Set<string> {
  const ids = new Set([id]);
  for (const each of ids) for (const input of world.stages.get(each)?.inputs ?? []) ids.add(input);
  return ids;
}

/** Equal work under two ids is shared, so a forced one of two may or may not share with the other. */
const hasTwin = (world: World, id: string): boolean =>
  [...world.stages].some(([other, { name }]) => other !== id && name === world.stages.get(id)?.name);

test("any edits of any DAG rerun exactly what a computation from scratch says, to the same results", async () => {
  await fc.assert(
    fc.asyncProperty(
      worlds,
      fc.array(steps, { minLength: 1, maxLength: 5 }),
      fc.integer(),
      async (first, plan, seed) => {
        const [laboratory, oracle] = [new Laboratory(drawing(seed)), new Oracle()];
        let world = first;
        try {
          for (const { edits, force, target, damage } of [{ edits: [] } as (typeof plan)[number], ...plan]) {
            for (const edit of edits) world = applyEdit(world, first, edit);
            if (damage) {
              const content = await laboratory.damage(idOf(world, damage.stage), damage.how);
              if (content !== undefined) oracle.damage(content);
            }
            const targets = target === undefined ? [] : [idOf(world, target)];
            const selected =
              targets[0] === undefined ? new Set(world.stages.keys()) : needed(world, targets[0]);
            const forcedId = force === undefined ? undefined : idOf(world, force);
            const forced = new Set(forcedId === undefined || hasTwin(world, forcedId) ? [] : [forcedId]);

            const planned = await laboratory.plan(world, targets, forced);
            const must = oracle.run(world, selected, forced);
            const summary = await laboratory.run(world, targets, forced);
            expect(summary.status).toBe("succeeded");
            const ran = laboratory.launched.map((id) => world.stages.get(id)?.name ?? id);
            laboratory.launched = [];
            expect(ran.sort()).toEqual(must.sort());

            const contents = oracle.contents(world);
            for (const { id, outputs } of summary.stages)
              expect([id, laboratory.content(outputs["out"]?.digest ?? "")]).toEqual([id, contents.get(id)]);
            // What a plan knows for sure, a run does.
            for (const { id, decision, fingerprint } of planned.plan.stages) {
              const outcome = summary.stages.find((stage) => stage.id === id)?.outcome;
              if (decision === "hit") expect([id, outcome]).toEqual([id, "hit"]);
              else if (fingerprint !== null && !hasTwin(world, id))
                expect([id, outcome]).toEqual([id, "executed"]);
            }
          }
        } finally {
          await laboratory.close();
        }
      },
    ),
    { numRuns: CASES },
  );
}, 600_000);

test("planning is pure and says the same twice; after a run it says hit for everything", async () => {
  const snapshot = (directory: string): string[] =>
    listTree(directory)
      .filter((path) => !path.endsWith("-lock"))
      .map((path) => `${path} ${readFileSync(join(directory, path)).toString("base64")}`);
  await fc.assert(
    fc.asyncProperty(worlds, steps, fc.integer(), async (first, { edits, damage }, seed) => {
      const laboratory = new Laboratory(drawing(seed));
      try {
        await laboratory.run(first);
        let world = first;
        for (const edit of edits) world = applyEdit(world, first, edit);
        if (damage) await laboratory.damage(idOf(world, damage.stage), damage.how);
        const before = snapshot(laboratory.store.directory);
        const plan = await laboratory.plan(world, [], new Set());
        expect(await laboratory.plan(world, [], new Set())).toEqual(plan);
        expect(snapshot(laboratory.store.directory)).toEqual(before);
        await laboratory.run(world);
        const after = await laboratory.plan(world, [], new Set());
        expect(after.plan.stages.filter(({ decision }) => decision !== "hit")).toEqual([]);
      } finally {
        await laboratory.close();
      }
    }),
    { numRuns: Math.ceil(CASES / 2) },
  );
}, 600_000);

test("the order in which stages end changes no digest and no record", async () => {
  const lasting = ({
    fingerprint,
    params,
    inputs,
    outputs,
    source,
    environment,
    stageName,
  }: ExecutionRecord) => ({
    fingerprint,
    params,
    inputs,
    outputs,
    source,
    environment,
    stageName,
  });
  await fc.assert(
    fc.asyncProperty(worlds, fc.integer(), fc.integer(), async (world, one, other) => {
      const [left, right] = [new Laboratory(drawing(one)), new Laboratory(drawing(other))];
      try {
        await Promise.all([left.run(world), right.run(world)]);
        expect(left.store.executions().map(lasting)).toEqual(right.store.executions().map(lasting));
      } finally {
        await Promise.all([left.close(), right.close()]);
      }
    }),
    { numRuns: Math.ceil(CASES / 2) },
  );
}, 600_000);
