import { describe, expect, test } from "vitest";
import { tokenLosses, type LossOptions } from "../../src/model/language-model-loss.ts";
import { defineParameters } from "../../src/model/llama-parameters.ts";
import { llamaLogits, readParameters } from "../../src/model/llama.ts";
import { gradients } from "../../src/tensor/gradients.ts";
import { ancestors } from "../../src/tensor/graph.ts";
import { div, sum } from "../../src/tensor/ops.ts";
import { defineProgram, feed } from "../../src/tensor/program.ts";
import { everyExecutor, openExecutor } from "./executors.ts";
import {
  golden,
  goldenBatch,
  goldenConfig,
  intMatrix,
  largestDifference,
  loadGoldenWeights,
  readGolden,
  relativeError,
} from "./golden-llama.ts";

const [rows, time] = [golden.inputs.length, golden.inputs[0]?.length ?? 0];
const variables = defineParameters(goldenConfig);
const names = variables.map(({ name }) => name);

function forwardBackward(options: LossOptions = {}) {
  const parameters = readParameters(variables);
  const inputs = feed("inputs", [rows, time], "int32");
  const targets = feed("targets", [rows, time], "int32");
  const lossMask = feed("lossMask", [rows, time]);
  const losses = tokenLosses(goldenConfig, parameters, { inputs, targets, lossMask }, options);
  const loss = div(sum(losses), sum(lossMask));
  const grads = gradients(loss, names.map(parameters));
  return defineProgram({
    variables,
    functions: [
      {
        name: "forwardBackward",
        feeds: [inputs, targets, lossMask],
        fetches: { loss, ...Object.fromEntries(grads.map((grad, i) => [names[i] ?? "", grad])) },
        effects: [],
      },
      {
        name: "logits",
        feeds: [inputs],
        fetches: { logits: llamaLogits(goldenConfig, parameters, inputs) },
        effects: [],
      },
    ],
  });
}

describe.each(everyExecutor)("on %s", async (kind) => {
  const engine = await openExecutor(kind);
  const executable = await engine.compile(forwardBackward());
  await loadGoldenWeights(executable);

  test("logits are those of transformers", async () => {
    const { logits } = await executable.call("logits", { inputs: goldenBatch.inputs });
    const [expected] = await readGolden("forward-backward.safetensors", ["logits"]);
    expect(largestDifference(logits, expected)).toBeLessThan(1e-4);
  });

  test.each<[string, LossOptions]>([
    ["kept", {}],
    ["with activations recomputed", { recompute: "activations" }],
    ["recomputed block by block", { recompute: "blocks" }],
    ["with logits in chunks of seven rows", { maxLogitBytes: 7 * 4 * goldenConfig.vocabSize }],
    ["with both", { recompute: "blocks", maxLogitBytes: 30 * 4 * goldenConfig.vocabSize }],
  ])("loss and every gradient are those of torch: %s", async (_name, options) => {
    await using executable = await engine.compile(forwardBackward(options));
    await loadGoldenWeights(executable);
    const results = await executable.call("forwardBackward", goldenBatch);
    expect(Math.abs((results["loss"]?.data[0] ?? NaN) - golden.loss)).toBeLessThan(1e-4);
    const expected = await readGolden(
      "forward-backward.safetensors",
      names.map((name) => `grad.${name}`),
    );
    names.forEach((name, index) =>
      expect(relativeError(results[name], expected[index]), name).toBeLessThan(1e-3),
    );
  });

  test("a token changes no logits before it and some at it", async () => {
    const changed = golden.inputs.map((row) => row.with(10, ((row[10] ?? 0) + 1) % goldenConfig.vocabSize));
    const { logits: before } = await executable.call("logits", { inputs: goldenBatch.inputs });
    const { logits: after } = await executable.call("logits", { inputs: intMatrix(changed) });
    const vocab = goldenConfig.vocabSize;
    const row = (values: typeof before, n: number) => values?.data.slice(n * vocab, (n + 1) * vocab);
    for (let n = 0; n < rows * time; n++)
      if (n % time < 10) expect(row(after, n)).toEqual(row(before, n));
      else expect(row(after, n)).not.toEqual(row(before, n));
  });
});

test("a layer adds no transpose but those of its heads", () => {
  const [fn] = forwardBackward().functions;
  const nodes = ancestors(Object.values(fn?.fetches ?? {}));
  const count = (kind: string) => nodes.filter(({ op }) => op.kind === kind).length;
  // Queries, keys, values and their mixture, forward and backward.
  expect(count("transpose")).toBe(8 * goldenConfig.numLayers);
  // Nine products forward (seven linear layers, two of attention), two backward for each; one head.
  expect(count("matmul")).toBe(27 * goldenConfig.numLayers + 3);
  expect(count("pad")).toBe(0);
});
