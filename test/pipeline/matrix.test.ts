import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { artifact, definePipeline, defineStage, type PipelineBuilder } from "../../src/pipeline/index.ts";
import { resolvePipeline } from "../../src/pipeline/define-pipeline.ts";
import { selectStages } from "../../src/runner/selection.ts";

const Model = artifact({
  kind: "model",
  formatVersion: 1,
  open: () => Promise.resolve(null),
  create: () => Promise.resolve(null),
  validate: () => Promise.resolve(),
});
const train = defineStage({
  name: "train",
  description: "Trains.",
  inputs: {},
  outputs: { model: Model },
  params: z.strictObject({ rate: z.number(), seed: z.int().default(0) }),
  run: ({ outputs }) => Promise.resolve({ model: outputs.model.written() }),
});
const score = defineStage({
  name: "score",
  description: "Scores.",
  inputs: { model: Model },
  outputs: {},
  params: z.strictObject({}),
  run: () => Promise.resolve({}),
});

const resolve = (wire: (p: PipelineBuilder) => unknown) =>
  resolvePipeline(
    definePipeline("test", z.strictObject({}), (p) => {
      wire(p);
      return {};
    }),
    {},
  );

const sweep = resolve((p) =>
  p.matrix({ rate: [0.001, 1e-7], seed: [1, 2] }, (q, params) => {
    const { model } = q.add(train, { inputs: {}, params });
    q.add(score, { inputs: { model }, params: {} });
  }),
);

test("every combination is wired once, its values in the ids, and variants stay apart", () => {
  expect(
    sweep.stages.filter(({ stage }) => stage.name === "train").map(({ id, params }) => [id, params]),
  ).toEqual([
    ["train@rate=0.001,seed=1", { rate: 0.001, seed: 1 }],
    ["train@rate=0.001,seed=2", { rate: 0.001, seed: 2 }],
    ["train@rate=1e-7,seed=1", { rate: 1e-7, seed: 1 }],
    ["train@rate=1e-7,seed=2", { rate: 1e-7, seed: 2 }],
  ]);
  expect([...selectStages(sweep, ["score@rate=0.001,seed=2"]).ids]).toEqual([
    "score@rate=0.001,seed=2",
    "train@rate=0.001,seed=2",
  ]);
});

test("a target with some axes means all variants that have them", () => {
  const trains = (target: string) =>
    [...selectStages(sweep, [target]).ids].filter((id) => id.startsWith("train"));
  expect(trains("train@seed=2")).toEqual(["train@rate=0.001,seed=2", "train@rate=1e-7,seed=2"]);
  expect(trains("train@seed=2,rate=1e-7")).toEqual(["train@rate=1e-7,seed=2"]);
  expect(trains("score@")).toHaveLength(4);
  expect(() => selectStages(sweep, ["train@seed=3"])).toThrow("train@seed=3 is no stage");
});

test("what `wire` returns comes back with its variant; a matrix in a matrix multiplies", () => {
  const seen: unknown[] = [];
  const { stages } = resolve((p) =>
    p.matrix({ rate: [1, 2] }, (q, { rate }) => {
      seen.push(
        q.matrix({ seed: [7] }, (r, { seed }) => r.add(train, { inputs: {}, params: { rate, seed } }).model),
      );
    }),
  );
  expect(stages.map(({ id }) => id)).toEqual(["train@rate=1,seed=7", "train@rate=2,seed=7"]);
  expect(seen[1]).toEqual([
    { variant: { seed: 7 }, result: { stageId: "train@rate=2,seed=7", output: "model" } },
  ]);
});

test("no axes leave the ids as they are", () => {
  const { stages } = resolve((p) => p.matrix({}, (q) => q.add(train, { inputs: {}, params: { rate: 1 } })));
  expect(stages.map(({ id }) => id)).toEqual(["train"]);
});

test.each([
  [{ rate: [] }, "has no values"],
  [{ rate: [1, 2, 1] }, "has the value 1 twice"],
  [{ data: ["../en"] }, 'has the name or value "../en"'],
  [{ "a b": [1] }, 'has the name or value "a b"'],
])("%j is refused", (axes, message) => {
  expect(() => resolve((p) => p.matrix(axes, () => undefined))).toThrow(message);
});

test("ids of different combinations differ", () => {
  const axes = fc.dictionary(
    fc.stringMatching(/^[a-z]{1,4}$/),
    fc.uniqueArray(
      fc.oneof(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), fc.stringMatching(/^[a-z0-9.]{1,5}$/)),
      {
        minLength: 1,
        maxLength: 3,
        selector: String,
      },
    ),
    { maxKeys: 3 },
  );
  fc.assert(
    fc.property(axes, (each) => {
      const { stages } = resolve((p) =>
        p.matrix(each, (q) => q.add(train, { inputs: {}, params: { rate: 1 } })),
      );
      const combinations = Object.values(each).reduce((product, values) => product * values.length, 1);
      expect(new Set(stages.map(({ id }) => id)).size).toBe(combinations);
    }),
  );
});
