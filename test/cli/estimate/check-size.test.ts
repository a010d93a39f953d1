import { expect, test } from "vitest";
import { configFile } from "../../../src/cli/config-file.ts";
import { checkSize } from "../../../src/cli/estimate/check-size.ts";
import { trainingRecipeSchema } from "../../../src/cli/estimate/training-recipe.ts";
import { loadConfig } from "../../../src/pipeline/config-load.ts";
import { recipeNames } from "../../../src/cli/config-file.ts";

const projectRoot = process.cwd();
async function recipe(config: string, set: readonly string[] = []) {
  const file = configFile(config, { projectRoot, workingDirectory: projectRoot });
  const { value } = await loadConfig({ projectRoot, file, schema: trainingRecipeSchema, set });
  return trainingRecipeSchema.parse(value);
}
const laptop = { memoryBytes: 8e9 };

test.each(recipeNames(projectRoot))("%s is within reach", async (name) => {
  checkSize(await recipe(name), laptop);
});

test.each([
  ["pretrain.microBatchSize=1000000000000", "pretrain"],
  ["pretrain.model.hiddenSize=1000000", "pretrain"],
  ["sft.microBatchSize=1000000000", "sft"],
  ["dpo.microBatchSize=1000000000", "dpo"],
])("%s is beyond every machine, told before a program is made", async (set, stage) => {
  const large = await recipe("tiny", [set]);
  expect(() => {
    checkSize(large, laptop);
  }).toThrow(
    expect.objectContaining({
      code: "RECIPE_TOO_LARGE",
      message: expect.stringMatching(
        new RegExp(`^${stage} needs at least .*this machine has 8 GB.*85\\.9 GB$`),
      ) as string,
    }),
  );
});

test("a context whose masks this machine cannot hold is told before a program is made", async () => {
  const long = await recipe("tiny", ["pretrain.model.contextLength=100000"]);
  expect(() => {
    checkSize(long, laptop);
  }).toThrow(
    expect.objectContaining({
      code: "RECIPE_TOO_LARGE",
      message:
        "pretrain attends over 100,000 tokens, and the masks for that alone are 20 GB; this machine has 8 GB",
      hint: "shorter sequences: a smaller pretrain.model.contextLength",
    }),
  );
});
