/** Documents packed into one row, told apart: each is computed as if it stood alone. */
import { describe, expect, test } from "vitest";
import { tokenLosses, type SequenceBatch } from "../../src/model/language-model-loss.ts";
import { defineParameters } from "../../src/model/llama-parameters.ts";
import {
  llamaHidden,
  outputLogits,
  readParameters,
  type Parameters,
  type Recompute,
} from "../../src/model/llama.ts";
import { gradients } from "../../src/tensor/gradients.ts";
import { sum } from "../../src/tensor/ops.ts";
import { defineProgram, type ProgramFunction } from "../../src/tensor/program.ts";
import { float32, type HostTensor } from "../../src/tensor/types.ts";
import { feedSequences, sequenceFeeds } from "../../src/train/sequence-feeds.ts";
import { executors, openExecutor } from "./executors.ts";
import { goldenConfig, intMatrix, loadGoldenWeights } from "./golden-llama.ts";

const variables = defineParameters(goldenConfig);
const names = variables.map(({ name }) => name);

/** Three documents, each begun by token 0; the rows pack them in different orders and so at different places. */
const texts = [
  [0, 5, 9, 13, 2],
  [0, 44, 7, 7, 31, 60, 12, 3],
  [0, 21, 40],
];
const packings = [
  [0, 1, 2],
  [2, 0, 1],
];
const time = 16;
const rows = packings.map((order) => order.flatMap((text) => [...(texts[text] ?? [])]));
const numbers = packings.map((order) =>
  order.flatMap((text, place) => (texts[text] ?? []).map(() => place + 1)),
);
const targetOf = (id: number) => (id * 3 + 1) % goldenConfig.vocabSize;

const feedsOf = (tokens: readonly number[][], documents?: readonly number[][]) => {
  const shape = [tokens.length, tokens[0]?.length ?? 0];
  return {
    inputs: intMatrix(tokens),
    targets: intMatrix(tokens.map((row) => row.map(targetOf))),
    lossMask: float32(shape, new Float32Array(tokens.flat().length).fill(1)),
    ...(documents === undefined ? {} : { documents: intMatrix(documents) }),
  };
};

function functionOf(
  name: string,
  parameters: Parameters,
  batch: SequenceBatch,
  recompute: Recompute = "none",
): ProgramFunction {
  const loss = sum(tokenLosses(goldenConfig, parameters, batch, { recompute }));
  const hidden = llamaHidden(goldenConfig, parameters, batch.inputs, { documents: batch.documents });
  const grads = gradients(loss, names.map(parameters));
  return {
    name,
    feeds: sequenceFeeds(batch),
    fetches: {
      loss,
      logits: outputLogits(parameters, hidden),
      ...Object.fromEntries(grads.map((grad, at) => [names[at] ?? "", grad])),
    },
    effects: [],
  };
}

function program() {
  const parameters = readParameters(variables);
  const packed = () => feedSequences(rows.length, time, { documents: true });
  return defineProgram({
    variables,
    functions: [
      functionOf("packed", parameters, packed()),
      functionOf("packedAndRecomputed", parameters, packed(), "blocks"),
      functionOf("undivided", parameters, feedSequences(rows.length, time)),
      ...texts.map((text, at) => functionOf(`alone${at}`, parameters, feedSequences(1, text.length))),
    ],
  });
}

type Results = Readonly<Record<string, HostTensor>>;
const dataOf = (results: Results, name: string) => results[name]?.data ?? new Float32Array();
const largest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.max(...Array.from(a, (value, at) => Math.abs(value - (b[at] ?? NaN))));

describe.each(executors)("on %s", async (kind) => {
  const engine = await openExecutor(kind);
  const executable = await engine.compile(program());
  await loadGoldenWeights(executable);
  const alone = await Promise.all(
    texts.map((text, at) => executable.call(`alone${at}`, feedsOf([[...text]]))),
  );
  const packed = await executable.call("packed", feedsOf(rows, numbers));
  const logitsOf = (results: Results, row: number, start: number, length: number) =>
    dataOf(results, "logits").subarray(
      (row * time + start) * goldenConfig.vocabSize,
      (row * time + start + length) * goldenConfig.vocabSize,
    );

  test("logits of a document in a row are those of the document alone, wherever it stands", async () => {
    const undivided = await executable.call("undivided", feedsOf(rows));
    for (const [row, order] of packings.entries()) {
      let start = 0;
      for (const text of order) {
        const length = texts[text]?.length ?? 0;
        const expected = dataOf(alone[text] ?? {}, "logits");
        expect(expected.length).toBe(length * goldenConfig.vocabSize);
        expect(largest(logitsOf(packed, row, start, length), expected)).toBeLessThan(1e-4);
        // What stands before it would show: this is what the numbers keep out.
        if (start > 0)
          expect(largest(logitsOf(undivided, row, start, length), expected)).toBeGreaterThan(1e-2);
        start += length;
      }
    }
  });

  test.each(["packed", "packedAndRecomputed"])(
    "loss and every gradient are the sums over the documents: %s",
    async (name) => {
      const results = await executable.call(name, feedsOf(rows, numbers));
      for (const value of ["loss", ...names]) {
        const parts = alone.map((result) => dataOf(result, value));
        const expected = Float64Array.from(
          parts[0] ?? [],
          (_, at) => packings.length * parts.reduce((total, part) => total + (part[at] ?? NaN), 0),
        );
        const size = Math.max(...expected.map(Math.abs));
        expect(largest(dataOf(results, value), expected) / size, value).toBeLessThan(1e-4);
      }
    },
  );
});
