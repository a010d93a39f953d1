import { expect, test } from "vitest";
import { shapeOf } from "../../../src/cli/estimate/kept-measurements.ts";
import { programOf, trainingRecipeSchema } from "../../../src/cli/estimate/training-recipe.ts";
import { configFile } from "../../../src/cli/config-file.ts";
import { createInterpreterEngine } from "../../../src/engine/interpreter/interpreter-engine.ts";
import { loadConfig } from "../../../src/pipeline/config-load.ts";
import { backwardFunction, trainingCost } from "../../../src/train/estimate-memory.ts";
import { measureTraining } from "../../../src/train/measure-training.ts";

const projectRoot = process.cwd();

async function recipe(intraDocumentMask: boolean) {
  const file = configFile("tiny", { projectRoot, workingDirectory: projectRoot });
  const { value } = await loadConfig({ projectRoot, file, schema: trainingRecipeSchema });
  const parsed = trainingRecipeSchema.parse(value);
  return { ...parsed, pretrain: { ...parsed.pretrain, intraDocumentMask } };
}

test("the program that is estimated tells documents apart where the recipe does", async () => {
  const [without, within] = [
    programOf(await recipe(false), "pretrain"),
    programOf(await recipe(true), "pretrain"),
  ];
  const feeds = (program: typeof without) =>
    backwardFunction(program).feeds.flatMap(({ op }) => (op.kind === "feed" ? [op.name] : []));
  expect(feeds(without)).toContain("inputs");
  expect(feeds(within).filter((name) => !feeds(without).includes(name))).toEqual(["documents"]);
  // The mask is the batch's own (B, 1, T, T) instead of one for all rows.
  expect(trainingCost(within).memory.total).toBeGreaterThan(trainingCost(without).memory.total);
  expect(trainingCost(within).flopsPerStep).toBe(trainingCost(without).flopsPerStep);
});

test("such a recipe is measured as well: its speed is that of the same products", async () => {
  const { options } = programOf(await recipe(true), "pretrain");
  const small = {
    ...options,
    model: {
      ...options.model,
      hiddenSize: 4,
      intermediateSize: 6,
      numHeads: 1,
      numKvHeads: 1,
      vocabSize: 10,
    },
    microBatchSize: 1,
    sequenceLength: 4,
  };
  const engine = await createInterpreterEngine("cpu");
  const measured = await measureTraining({ engine, options: small, budgetMs: 1 });
  expect(measured).toMatchObject({ engine: engine.identity, sequences: 1, sequenceLength: 4 });
  expect(shapeOf(small)).not.toHaveProperty("intraDocumentMask");
});
