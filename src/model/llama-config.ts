/**
 * Shape and constants of a Llama model (names of Hugging Face's LlamaConfig in camelCase), their validation,
 * and their two-way translation to its config.json.
 */
import { userError } from "../errors.ts";
import type { JsonObject } from "../std/json.ts";

export interface LlamaConfig {
  /** C: width of the residual stream. */
  readonly hiddenSize: number;
  /** F: width inside the feed-forward block. */
  readonly intermediateSize: number;
  readonly numLayers: number;
  /** H: query heads; must divide hiddenSize. */
  readonly numHeads: number;
  /** Key and value heads, each shared by numHeads / numKvHeads query heads. */
  readonly numKvHeads: number;
  /** V */
  readonly vocabSize: number;
  /** Longest sequence, in tokens. */
  readonly contextLength: number;
  readonly ropeTheta: number;
  readonly rmsNormEpsilon: number;
  /** Standard deviation of initial matrices; the tied embedding takes half of it. */
  readonly initializerRange: number;
}

export type LlamaShape = Omit<LlamaConfig, "ropeTheta" | "rmsNormEpsilon" | "initializerRange"> &
  Partial<LlamaConfig>;

/**
 * Fills in the constants of SmolLM2's pretraining (θ 10,000, ε 1e-5, initializer range 1/√hiddenSize) where
 * they are not given, and checks that the sizes fit each other. Throws `MODEL_CONFIG_INVALID`.
 */
export function defineLlama(shape: LlamaShape): LlamaConfig {
  const config: LlamaConfig = {
    ...shape,
    ropeTheta: shape.ropeTheta ?? 10_000,
    rmsNormEpsilon: shape.rmsNormEpsilon ?? 1e-5,
    initializerRange: shape.initializerRange ?? 1 / Math.sqrt(shape.hiddenSize),
  };
  const { hiddenSize, numHeads, numKvHeads } = config;
  const fail = (message: string, hint: string) => userError("MODEL_CONFIG_INVALID", message, hint);
  for (const field of [
    "hiddenSize",
    "intermediateSize",
    "numLayers",
    "numHeads",
    "numKvHeads",
    "vocabSize",
    "contextLength",
  ] as const)
    if (!Number.isSafeInteger(config[field]) || config[field] < 1)
      throw fail(`${field} is ${config[field]}`, "It must be a positive whole number.");
  for (const field of ["ropeTheta", "rmsNormEpsilon", "initializerRange"] as const)
    if (!(config[field] > 0 && Number.isFinite(config[field])))
      throw fail(`${field} is ${config[field]}`, "It must be a positive number.");
  if (hiddenSize % numHeads !== 0)
    throw fail(
      `numHeads (${numHeads}) does not divide hiddenSize (${hiddenSize})`,
      "Change one so that every head has the same whole width.",
    );
  if (numHeads % numKvHeads !== 0)
    throw fail(
      `numKvHeads (${numKvHeads}) does not divide numHeads (${numHeads})`,
      "Every key/value head must serve the same number of query heads.",
    );
  if (headDim(config) % 2 !== 0)
    throw fail(
      `hiddenSize / numHeads is ${headDim(config)}, an odd head width`,
      "Rotary position embedding turns pairs: make the head width even.",
    );
  return config;
}

/** D: width of one head. */
export const headDim = ({ hiddenSize, numHeads }: Pick<LlamaConfig, "hiddenSize" | "numHeads">): number =>
  hiddenSize / numHeads;

/** config.json as `transformers` reads it, special token ids apart (the tokenizer knows those). */
export const toHuggingFaceConfig = (config: LlamaConfig): JsonObject => ({
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  hidden_size: config.hiddenSize,
  intermediate_size: config.intermediateSize,
  num_hidden_layers: config.numLayers,
  num_attention_heads: config.numHeads,
  num_key_value_heads: config.numKvHeads,
  head_dim: headDim(config),
  vocab_size: config.vocabSize,
  max_position_embeddings: config.contextLength,
  rope_theta: config.ropeTheta,
  rope_scaling: null,
  rms_norm_eps: config.rmsNormEpsilon,
  initializer_range: config.initializerRange,
  hidden_act: "silu",
  tie_word_embeddings: true,
  attention_bias: false,
  attention_dropout: 0,
  mlp_bias: false,
  use_cache: true,
  torch_dtype: "float32",
});

/** Fields whose other values would be another architecture, with the value that this one has. */
const fixedFields: Readonly<Record<string, unknown>> = {
  model_type: "llama",
  hidden_act: "silu",
  tie_word_embeddings: true,
  attention_bias: false,
  mlp_bias: false,
  rope_scaling: null,
};

/** transformers 5 keeps the rotary fields in an object of their own; earlier ones have them beside the others. */
function flattenRope({ rope_parameters: rope, ...json }: JsonObject): JsonObject {
  if (typeof rope !== "object" || rope === null || !("rope_theta" in rope)) return json;
  const scaling = rope["rope_type"] === undefined || rope["rope_type"] === "default" ? null : rope;
  return { ...json, rope_theta: rope["rope_theta"], rope_scaling: scaling };
}

/** Reads what `toHuggingFaceConfig` or `transformers` wrote. Throws `MODEL_CONFIG_INVALID`. */
export function fromHuggingFaceConfig(file: JsonObject): LlamaConfig {
  const json = flattenRope(file);
  for (const [field, value] of Object.entries(fixedFields))
    if (json[field] !== undefined && json[field] !== value)
      throw userError(
        "MODEL_CONFIG_INVALID",
        `config.json: ${field} is ${JSON.stringify(json[field])}`,
        `Only Llama models with ${field} ${JSON.stringify(value)} can be loaded.`,
      );
  const number = (field: string): number => {
    const value = json[field];
    if (typeof value !== "number")
      throw userError(
        "MODEL_CONFIG_INVALID",
        `config.json: ${field} is ${JSON.stringify(value)}, not a number`,
      );
    return value;
  };
  const optional = (key: keyof LlamaConfig, field: string): Partial<LlamaConfig> =>
    json[field] === undefined ? {} : { [key]: number(field) };
  return defineLlama({
    hiddenSize: number("hidden_size"),
    intermediateSize: number("intermediate_size"),
    numLayers: number("num_hidden_layers"),
    numHeads: number("num_attention_heads"),
    numKvHeads: number("num_key_value_heads"),
    vocabSize: number("vocab_size"),
    contextLength: number("max_position_embeddings"),
    ...optional("ropeTheta", "rope_theta"),
    ...optional("rmsNormEpsilon", "rms_norm_eps"),
    ...optional("initializerRange", "initializer_range"),
  });
}
