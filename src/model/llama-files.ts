/** A model folder in Hugging Face layout: config.json and model.safetensors in float32. No tokenizer files. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PipelineError } from "../errors.ts";
import type { JsonObject } from "../std/json.ts";
import { sameShape, shapeText, type HostTensor } from "../tensor/types.ts";
import { fromHuggingFaceConfig, toHuggingFaceConfig, type LlamaConfig } from "./llama-config.ts";
import { listParameters } from "./llama-parameters.ts";
import { openSafetensors, writeSafetensors, type SafetensorsReader } from "./safetensors.ts";

export const weightsFile = "model.safetensors";
export const configFile = "config.json";

export interface LlamaFiles extends AsyncDisposable {
  readonly config: LlamaConfig;
  /** A parameter by its Hugging Face name. */
  read(name: string): Promise<HostTensor>;
}

/** Writes both files; `read` gives each parameter when its turn comes. The folder must exist. */
export async function saveLlama(
  directory: string,
  config: LlamaConfig,
  read: (name: string) => Promise<HostTensor>,
): Promise<void> {
  const entries = listParameters(config).map(({ name, shape }) => ({
    name,
    dtype: "float32" as const,
    shape,
  }));
  await writeSafetensors(join(directory, weightsFile), entries, read);
  await writeFile(join(directory, configFile), `${JSON.stringify(toHuggingFaceConfig(config), null, 2)}\n`, {
    flush: true,
  });
}

/** Opens a model folder; weights are read one by one. Throws `MODEL_CONFIG_INVALID`, `SAFETENSORS_INVALID`, `MODEL_WEIGHTS_MISMATCH`. */
export async function loadLlama(directory: string): Promise<LlamaFiles> {
  const config = fromHuggingFaceConfig(await readConfig(join(directory, configFile)));
  const weights = await openLlamaWeights(join(directory, weightsFile), config);
  return {
    config,
    read: (name) => weights.read(name),
    [Symbol.asyncDispose]: () => weights[Symbol.asyncDispose](),
  };
}

/** Opens a weights file and checks that it holds the parameters of `config`, each in its shape. */
export async function openLlamaWeights(path: string, config: LlamaConfig): Promise<SafetensorsReader> {
  const weights = await openSafetensors(path);
  const entries = new Map(weights.entries.map((entry) => [entry.name, entry]));
  for (const { name, shape } of listParameters(config)) {
    const entry = entries.get(name);
    if (entry !== undefined && entry.dtype === "float32" && sameShape(entry.shape, shape)) continue;
    await weights[Symbol.asyncDispose]();
    const found = entry === undefined ? "is missing" : `is ${entry.dtype}${shapeText(entry.shape)}`;
    throw new PipelineError({
      code: "MODEL_WEIGHTS_MISMATCH",
      message: `${path}: ${name} ${found}, the model has float32${shapeText(shape)}`,
      hint: "The weights belong to a model of another shape; use the config.json beside them.",
      kind: "user",
    });
  }
  return weights;
}

async function readConfig(path: string): Promise<JsonObject> {
  const text = await readFile(path, "utf8");
  try {
    const json: unknown = JSON.parse(text);
    // JSON.parse gives nothing but Json; what the fields hold is checked where they are read.
    if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as JsonObject;
  } catch (cause) {
    throw new PipelineError({
      code: "MODEL_CONFIG_INVALID",
      message: `${path} is not JSON`,
      kind: "user",
      cause,
    });
  }
  throw new PipelineError({
    code: "MODEL_CONFIG_INVALID",
    message: `${path} is not a JSON object`,
    kind: "user",
  });
}
