/**
 * A Llama that can be computed by hand: it gives every token its probability, whatever came before. Attention and
 * feed-forward are zero, so a state is the embedding of its token; that is four times the same negative number, which
 * the normalisation turns to −1 and the last gain of −1 to 1. The logit of a token is then four times its number.
 */
import { defineLlama } from "../../src/model/llama-config.ts";
import type { LlamaFiles } from "../../src/model/llama-files.ts";
import { embeddingName, listParameters } from "../../src/model/llama-parameters.ts";
import { float32, sizeOf } from "../../src/tensor/types.ts";

const width = 4;

/** `probabilities` (V) are below 1 and sum to 1. */
export function frequencyModel(probabilities: ArrayLike<number>, contextLength = 32): LlamaFiles {
  const config = defineLlama({
    hiddenSize: width,
    intermediateSize: 4,
    numLayers: 1,
    numHeads: 1,
    numKvHeads: 1,
    vocabSize: probabilities.length,
    contextLength,
    rmsNormEpsilon: 1e-12,
  });
  const shapes = new Map(listParameters(config).map(({ name, shape }) => [name, shape]));
  return {
    config,
    read(name) {
      const shape = shapes.get(name) ?? [];
      const data = new Float32Array(sizeOf(shape));
      if (name === embeddingName)
        for (const index of data.keys())
          data[index] = Math.log(probabilities[Math.floor(index / width)] ?? NaN) / width;
      else if (shape.length === 1) data.fill(name === "model.norm.weight" ? -1 : 1);
      return Promise.resolve(float32(shape, data));
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Probabilities in which the named tokens have the given shares and all others share the rest equally. */
export function probabilitiesOf(vocabSize: number, shares: Readonly<Record<number, number>>): Float64Array {
  const named = Object.entries(shares);
  const rest = 1 - named.reduce((sum, [, share]) => sum + share, 0);
  const probabilities = new Float64Array(vocabSize).fill(rest / (vocabSize - named.length));
  for (const [token, share] of named) probabilities[Number(token)] = share;
  return probabilities;
}
