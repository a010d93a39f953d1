/** What planning and selecting cost, counted and not timed: the work of each stage must not grow with their number. */
import { expect, test } from "vitest";
import type { ResolvedPipeline } from "../../src/pipeline/define-pipeline.ts";
import type { AnyStage } from "../../src/pipeline/stage.ts";
import { makePlan, type PlanReads } from "../../src/runner/plan.ts";
import type { Recipe } from "../../src/runner/recipe.ts";
import { selectStages } from "../../src/runner/selection.ts";
import { execution, output } from "../lineage/execution-record.ts";

/** Each needs the one before it and the first. */
const needsOf = (index: number): number[] => (index === 0 ? [] : index === 1 ? [0] : [0, index - 1]);

function recipe(index: number): Recipe {
  const inputs = needsOf(index).map((need) => {
    return [`in${need}`, { stageId: `s${need}`, output: "out", kind: "k", formatVersion: 1 }] as const;
  });
  return {
    id: `s${index}`,
    name: "stage",
    description: "",
    inputs: Object.fromEntries(inputs),
    outputs: { out: { kind: "k", formatVersion: 1 } },
    params: { index },
    identityParams: { index },
    runtimeParams: {},
    source: { digest: "d", files: {}, packages: {} },
    environment: {},
    resources: {},
    retry: undefined,
    timeoutMs: undefined,
    localFiles: [],
    code: { module: "", exportName: "" },
    needs: needsOf(index).map((need) => `s${need}`),
  };
}

test.each([100, 1000])(
  "planning %i stages asks the index a fixed number of times for each",
  async (count) => {
    let asked = 0;
    const ask = (): undefined => {
      asked++;
      return undefined;
    };
    const index: PlanReads["index"] = {
      execution: ask,
      latest: ask,
      verify: () => Promise.reject(new Error("nothing is known")),
      family: () => [],
    };
    const reads: PlanReads = {
      index,
      checkpoint: () => (asked++, { resumedFrom: [] }),
      continuationSteps: () => [],
      past: () => (asked++, []),
      stopped: () => (asked++, []),
      paramsPath: () => undefined,
    };
    const recipes = Array.from({ length: count }, (_, each) => recipe(each));
    const { plan } = await makePlan({ pipeline: "many", targets: [], recipes, forced: new Set() }, reads);
    expect(plan.stages).toHaveLength(count);
    expect(asked).toBeLessThanOrEqual(4 * count);
  },
);

test("a plan of hits never looks for what was stopped, and any other looks once", async () => {
  let looks = 0;
  const planAll = (known: PlanReads["index"]["execution"]) => {
    const reads: PlanReads = {
      index: {
        execution: known,
        latest: () => undefined,
        verify: () => Promise.resolve({ intact: true }),
        family: () => [],
      },
      checkpoint: () => ({ resumedFrom: [] }),
      continuationSteps: () => [],
      past: () => [],
      stopped: () => (looks++, []),
      paramsPath: () => undefined,
    };
    const recipes = Array.from({ length: 10 }, (_, each) => recipe(each));
    return makePlan({ pipeline: "many", targets: [], recipes, forced: new Set() }, reads);
  };
  const hits = await planAll((fingerprint) => execution({ fingerprint, outputs: { out: output("d") } }));
  expect([hits.plan.stages.every(({ decision }) => decision === "hit"), looks]).toEqual([true, 0]);
  await planAll(() => undefined);
  expect(looks).toBe(1);
});

test.each([100, 1000])("selecting by %i targets looks at each stage a fixed number of times", (count) => {
  let looks = 0;
  const stages = Array.from({ length: count }, (_, each) => ({
    get id(): string {
      looks++;
      return `s${each}`;
    },
    stage: { name: "stage" } as unknown as AnyStage,
    inputs: Object.fromEntries(
      needsOf(each).map((need) => [`in${need}`, { stageId: `s${need}`, output: "out" }]),
    ),
    params: {},
  }));
  const pipeline: ResolvedPipeline = { name: "many", stages, outputs: {} };
  const targets = Array.from({ length: count }, (_, each) => `s${each}`);
  const { ids, forced } = selectStages(pipeline, targets, { from: ["s1"], until: [`s${count - 1}`] });
  expect([ids.size, forced.size]).toEqual([count, count - 1]);
  expect(looks).toBeLessThanOrEqual(10 * count);
});
