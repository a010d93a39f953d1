/** What a training begins from. */
import type { Executable } from "../engine/engine.ts";
import type { LlamaConfig } from "../model/llama-config.ts";
import { openLlamaWeights } from "../model/llama-files.ts";
import { initialValue, listParameters } from "../model/llama-parameters.ts";

export type InitialWeights =
  /** Each call gives the same numbers from their beginning: a run may have to begin anew. */
  | { readonly kind: "seeded"; readonly createGaussians: () => () => number }
  /** A file in Hugging Face layout, e.g. model.safetensors of an earlier stage. */
  | { readonly kind: "safetensors"; readonly path: string };

export async function writeInitialWeights(
  executable: Executable,
  model: LlamaConfig,
  weights: InitialWeights,
): Promise<void> {
  if (weights.kind === "seeded") {
    const nextGaussian = weights.createGaussians();
    for (const info of listParameters(model))
      await executable.writeVariable(info.name, initialValue(info, model, nextGaussian));
    return;
  }
  await using file = await openLlamaWeights(weights.path, model);
  for (const { name } of listParameters(model)) await executable.writeVariable(name, await file.read(name));
}
