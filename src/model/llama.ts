/**
 * The Llama architecture (Touvron et al. 2023, arXiv:2302.13971; grouped queries as in Llama 2), written once over
 * symbolic ops. Choices: pre-norm RMSNorm without bias; rotary positions, half-split as Hugging Face has it;
 * grouped-query attention; SwiGLU; no biases; input and output embedding tied; no dropout.
 *
 * Shape letters: B batch, T time, N = B·T, C hidden, H query heads, K key/value heads, G = H/K, D head, F
 * feed-forward, V vocabulary. The residual stream is (N, C) throughout, so that linear layers are plain products.
 */
import { userError } from "../errors.ts";
import { withScope, type Tensor } from "../tensor/graph.ts";
import { add, gather, matmul, mean, mul, reshape, rsqrt, sigmoid, transpose } from "../tensor/ops.ts";
import { readVariable, type Variable } from "../tensor/program.ts";
import { recomputed } from "../tensor/recompute.ts";
import { causalAttention } from "./causal-attention.ts";
import { headDim, type LlamaConfig } from "./llama-config.ts";
import { embeddingName } from "./llama-parameters.ts";
import { multiplyIn, type Multiply, type Precision } from "./precision.ts";
import { ropeTables, rotate, type RopeTables } from "./rope.ts";

/** Finds a parameter by its Hugging Face name. Each is read once in a function, however often it is used. */
export type Parameters = (name: string) => Tensor;

export function readParameters(variables: readonly Variable[]): Parameters {
  const nodes = new Map(variables.map((variable) => [variable.name, readVariable(variable)]));
  return (name) => {
    const node = nodes.get(name);
    if (node === undefined) throw userError("MODEL_CONFIG_INVALID", `the model has no parameter ${name}`);
    return node;
  };
}

/**
 * How tokens see each other: queries (B, H, T, D) with scale and rotation, keys and values (B, K, T, D) → (B, H, T, D).
 * Training looks at the sequence itself (causal-attention.ts), decoding at a cache besides (key-value-cache.ts).
 */
export type Attend = (layer: number, queries: Tensor, keys: Tensor, values: Tensor) => Tensor;

export interface AttentionPlan {
  /** Broadcast over (B, heads, T, D/2). The scale 1/√D of attention scores rides on the queries' tables. */
  readonly queryTables: RopeTables;
  readonly keyTables: RopeTables;
  readonly attend: Attend;
}

/**
 * What is computed again for the gradient instead of being kept: nothing; what is large and cheap, namely attention's
 * weights and the inside of SwiGLU (selective recomputation, Korthikanti et al. 2022, arXiv:2205.05198); or the inside of
 * every block.
 */
export const recomputeChoices = ["none", "activations", "blocks"] as const;
export type Recompute = (typeof recomputeChoices)[number];

/**
 * The weights where they multiply. Training has a product for each (`linearLayers`); decoding joins and cuts them
 * (decoding-weights.ts).
 */
export interface LinearLayers {
  /** Rows of the embedding: (N) → (N, C). */
  embed(ids: Tensor): Tensor;
  /** Queries, keys and values: (N, C) → (N, H·D) and twice (N, K·D). */
  project(layer: number, x: Tensor): readonly [queries: Tensor, keys: Tensor, values: Tensor];
  /** (N, H·D) → (N, C). */
  output(layer: number, mixed: Tensor): Tensor;
  /** (N, C) → (N, C). */
  feedForward(layer: number, x: Tensor): Tensor;
}

export interface ForwardOptions {
  /** Default: a product for each weight. */
  readonly layers?: LinearLayers;
  /** Default: causal attention over the sequences, or within their documents. */
  readonly plan?: AttentionPlan;
  /** int32 (B, T): tokens see only those of the same number. Default: all before them. */
  readonly documents?: Tensor | undefined;
  /** Default: none. */
  readonly recompute?: Recompute | undefined;
  /** Of products in the blocks. Default: float32. */
  readonly precision?: Precision | undefined;
}

/** Logits (N, V) for tokens int32 (B, T). Row b·T + t predicts the token after position t of sequence b. */
export const llamaLogits = (config: LlamaConfig, parameters: Parameters, tokens: Tensor): Tensor =>
  outputLogits(parameters, llamaHidden(config, parameters, tokens));

/** Final hidden states (N, C), normalised: what the output embedding reads. */
export function llamaHidden(
  config: LlamaConfig,
  parameters: Parameters,
  tokens: Tensor,
  {
    documents,
    precision = "float32",
    plan = causalPlan(config, tokens, { documents, precision }),
    recompute = "none",
    layers,
  }: ForwardOptions = {},
): Tensor {
  const [batch = 0, time = 0] = tokens.shape;
  if (time > config.contextLength)
    throw userError(
      "SEQUENCE_TOO_LONG",
      `sequences of ${time} tokens are longer than the model's contextLength of ${config.contextLength}`,
      "Shorten the sequences or raise contextLength.",
    );
  const cheaply = recompute === "activations" ? recomputed : keptAsItIs;
  const products = layers ?? linearLayers(parameters, cheaply, precision);
  const shared: BlockInputs = { batch, time, cheaply, products, ...plan };
  const ids = reshape(tokens, [batch * time]); // (B, T) → (N)
  let x = products.embed(ids); // (N, C)
  for (let layer = 0; layer < config.numLayers; layer++)
    x = withScope(`layers.${layer}`, () =>
      recompute === "blocks"
        ? recomputed([x], ([input = x]) => block(config, parameters, layer, input, shared))
        : block(config, parameters, layer, x, shared),
    );
  return withScope("norm", () => rmsNorm(x, parameters("model.norm.weight"), config.rmsNormEpsilon));
}

/** Logits (R, V) of hidden states (R, C), through the tied embedding. */
export const outputLogits = (parameters: Parameters, hidden: Tensor): Tensor =>
  withScope("head", () => linearIn(matmul)(hidden, parameters(embeddingName)));

interface BlockInputs extends AttentionPlan {
  readonly batch: number;
  readonly time: number;
  /** Around what is cheap to compute again: `recomputed`, or nothing. */
  readonly cheaply: typeof recomputed;
  readonly products: LinearLayers;
}

const keptAsItIs: typeof recomputed = (inputs, build) => build(inputs);

function block(
  config: LlamaConfig,
  parameters: Parameters,
  layer: number,
  x: Tensor,
  shared: BlockInputs,
): Tensor {
  const prefix = `model.layers.${layer}`;
  const norm = (name: string, input: Tensor) =>
    rmsNorm(input, parameters(`${prefix}.${name}.weight`), config.rmsNormEpsilon);
  const attended = withScope("attention", () =>
    add(x, attention(config, layer, norm("input_layernorm", x), shared)),
  );
  return withScope("feedForward", () =>
    add(attended, shared.products.feedForward(layer, norm("post_attention_layernorm", attended))),
  );
}

/** x·Wᵀ: (N, in) × (out, in)ᵀ → (N, out). */
type Linear = (x: Tensor, weight: Tensor) => Tensor;

const linearIn =
  (multiply: Multiply): Linear =>
  (x, weight) =>
    multiply(x, weight, { transposeB: true });

/** x / √(mean x² + ε) · gain (Zhang & Sennrich 2019, arXiv:1910.07467), over C. */
function rmsNorm(x: Tensor, gain: Tensor, epsilon: number): Tensor {
  const meanSquare = mean(mul(x, x), { axes: [-1], keepDims: true }); // (N, 1)
  return mul(mul(x, rsqrt(add(meanSquare, epsilon))), gain);
}

/** Grouped-query attention (Ainslie et al. 2023, arXiv:2305.13245): projections around `attend`. */
function attention(
  config: LlamaConfig,
  layer: number,
  x: Tensor,
  { batch, time, cheaply, products, queryTables, keyTables, attend }: BlockInputs,
): Tensor {
  const { hiddenSize, numHeads, numKvHeads } = config;
  const heads = (projected: Tensor, count: number): Tensor =>
    transpose(reshape(projected, [batch, time, count, headDim(config)]), [0, 2, 1, 3]); // (N, count·D) → (B, count, T, D)
  const [projectedQueries, projectedKeys, projectedValues] = products.project(layer, x);
  const queries = rotate(heads(projectedQueries, numHeads), queryTables); // (B, H, T, D)
  const keys = rotate(heads(projectedKeys, numKvHeads), keyTables); // (B, K, T, D)
  const values = heads(projectedValues, numKvHeads); // (B, K, T, D)
  const mixed = cheaply([queries, keys, values], ([q = queries, k = keys, v = values]) =>
    attend(layer, q, k, v),
  ); // (B, H, T, D)
  const merged = transpose(mixed, [0, 2, 1, 3]); // (B, T, H, D)
  return products.output(layer, reshape(merged, [batch * time, hiddenSize])); // (N, C)
}

function causalPlan(
  config: LlamaConfig,
  tokens: Tensor,
  options: Pick<ForwardOptions, "documents" | "precision">,
): AttentionPlan {
  const time = tokens.shape[1] ?? 0;
  const attend = causalAttention(time, options);
  return {
    queryTables: ropeTables(config, time, 1 / Math.sqrt(headDim(config))),
    keyTables: ropeTables(config, time, 1),
    attend: (_layer, queries, keys, values) => attend(queries, keys, values),
  };
}

/** One product for each weight; `cheaply` is around the inside of SwiGLU. */
function linearLayers(
  parameters: Parameters,
  cheaply: typeof recomputed,
  precision: Precision,
): LinearLayers {
  const linear = linearIn(multiplyIn(precision));
  const apply = (name: string, x: Tensor) => linear(x, parameters(`model.layers.${name}.weight`));
  return {
    embed: (ids) => gather(parameters(embeddingName), ids),
    project: (layer, x) => [
      apply(`${layer}.self_attn.q_proj`, x),
      apply(`${layer}.self_attn.k_proj`, x),
      apply(`${layer}.self_attn.v_proj`, x),
    ],
    output: (layer, mixed) => apply(`${layer}.self_attn.o_proj`, mixed),
    feedForward(layer, x) {
      const gate = apply(`${layer}.mlp.gate_proj`, x); // (N, F)
      const up = apply(`${layer}.mlp.up_proj`, x); // (N, F)
      const gated = cheaply([gate, up], ([g = gate, u = up]) => swiGlu(g, u)); // (N, F)
      return apply(`${layer}.mlp.down_proj`, gated); // (N, C)
    },
  };
}

/** The inside of SwiGLU, which is down(silu(gate(x)) · up(x)), silu(x) = x·σ(x) (Shazeer 2020, arXiv:2002.05202). */
export const swiGlu = (gate: Tensor, up: Tensor): Tensor => mul(mul(gate, sigmoid(gate)), up);
