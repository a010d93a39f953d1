import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { createInferenceModel } from "../../src/evaluate/inference-model.ts";
import { greedy, sampleToken } from "../../src/evaluate/sample-token.ts";
import { loadLlama } from "../../src/model/llama-files.ts";
import { executors, openExecutor } from "../model/executors.ts";
import { golden, goldenPath, readGolden } from "../model/golden-llama.ts";

describe.each(executors)("on %s", (kind) => {
  const open = async () => {
    await using files = await loadLlama(dirname(goldenPath("model.safetensors")));
    return await createInferenceModel(await openExecutor(kind), files, { batchSize: 3, sequenceLength: 24 });
  };

  test("greedy continuation gives the tokens that transformers gave, across window lengths", async () => {
    await using model = await open();
    const { prompt, continuation } = golden.greedy;
    const tokens = [...prompt];
    for (const _ of continuation)
      tokens.push(sampleToken(await model.nextTokenLogits(tokens), [], greedy, 0));
    expect(tokens.slice(prompt.length)).toEqual(continuation);
  });

  test("token losses sum to the loss of transformers, and masked tokens count nothing", async () => {
    await using model = await open();
    const losses = await model.tokenLosses({
      inputs: Int32Array.from(golden.inputs.flat()),
      targets: Int32Array.from(golden.targets.flat(), (target) => Math.max(target, 0)),
      lossMask: Float32Array.from(golden.targets.flat(), (target) =>
        target === golden.ignore_index ? 0 : 1,
      ),
    });
    const supervised = golden.targets.flat().filter((target) => target !== golden.ignore_index).length;
    expect(Math.abs(losses.reduce((sum, loss) => sum + loss, 0) / supervised - golden.loss)).toBeLessThan(
      1e-4,
    );
  });

  test("next-token logits are those of the last position of a full forward pass", async () => {
    await using model = await open();
    const [logits] = await readGolden("forward-backward.safetensors", ["logits"]);
    const rows = logits?.data ?? [];
    const row = golden.inputs[0] ?? [];
    const found = await model.nextTokenLogits(row); // 24 tokens in a window of 64
    const start = (row.length - 1) * found.length;
    const worst = Math.max(...found.map((value, token) => Math.abs(value - (rows[start + token] ?? NaN))));
    expect(worst).toBeLessThan(1e-4);
  });

  test("a prompt longer than the context is continued from its last tokens", async () => {
    await using model = await open();
    const long = Array.from({ length: 100 }, (_, index) => index % 300);
    expect(await model.nextTokenLogits(long)).toEqual(await model.nextTokenLogits(long.slice(-64)));
    await expect(model.nextTokenLogits([])).rejects.toThrow("no token to continue from");
  });
});
