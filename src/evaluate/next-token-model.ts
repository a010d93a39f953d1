/** A finished model compiled for nothing but going on with texts, its weights arranged for it (decoding-weights.ts). */
import type { Engine } from "../engine/engine.ts";
import { defineDecodingWeights } from "../model/decoding-weights.ts";
import type { LlamaConfig } from "../model/llama-config.ts";
import type { LlamaFiles } from "../model/llama-files.ts";
import { defineProgram } from "../tensor/program.ts";
import { Decoder, decoderParts } from "./decoder.ts";

export interface NextTokenModel extends AsyncDisposable {
  readonly config: LlamaConfig;
  /** How many texts `nextTokenLogits` takes at once. */
  readonly parallelTexts: number;
  /** Logits (V) of the token after each text (see `Decoder.nextLogits`). */
  nextTokenLogits(texts: readonly (readonly number[])[]): Promise<Float32Array[]>;
}

export interface NextTokenOptions {
  /** Texts that are continued at once; default 1. */
  readonly parallelTexts?: number;
  /** Into how many parts weights are cut: how many operations the engine runs side by side; default 1. */
  readonly parts?: number;
}

/** Compiles the program and loads the weights, a layer at a time. */
export async function createNextTokenModel(
  engine: Engine,
  { config, read }: Pick<LlamaFiles, "config" | "read">,
  { parallelTexts = 1, parts = 1 }: NextTokenOptions = {},
): Promise<NextTokenModel> {
  const weights = defineDecodingWeights(config, parts);
  const cacheShape = { batchSize: parallelTexts, capacity: config.contextLength };
  const { cache, functions } = decoderParts(config, weights.read, cacheShape);
  const executable = await engine.compile(
    defineProgram({ variables: [...weights.variables, ...cache.keys, ...cache.values], functions }),
  );
  await weights.fill(read, (name, value) => executable.writeVariable(name, value));
  const decoder = new Decoder(executable, config, cacheShape);
  return {
    config,
    parallelTexts,
    nextTokenLogits: (texts) => decoder.nextLogits(texts),
    [Symbol.asyncDispose]: () => executable[Symbol.asyncDispose](),
  };
}
