/**
 * The weights of a Llama model: Hugging Face's names and shapes (a linear layer is [out, in], y = x·Wᵀ), how many
 * there are, and how they begin.
 */
import { defineVariable, type Variable } from "../tensor/program.ts";
import { float32, sizeOf, type HostTensor, type Shape } from "../tensor/types.ts";
import { headDim, type LlamaConfig } from "./llama-config.ts";

/** Reads tokens in and, tied, writes logits out. */
export const embeddingName = "model.embed_tokens.weight";

export interface ParameterInfo {
  readonly name: string;
  readonly shape: Shape;
}

/** In the order of the forward pass. The tied embedding is listed once. */
export function listParameters(config: LlamaConfig): readonly ParameterInfo[] {
  const { hiddenSize: width, intermediateSize, numLayers, numKvHeads, vocabSize } = config;
  const kvWidth = numKvHeads * headDim(config);
  const layers = Array.from({ length: numLayers }, (_, layer): ParameterInfo[] => {
    const prefix = `model.layers.${layer}`;
    return [
      { name: `${prefix}.input_layernorm.weight`, shape: [width] },
      { name: `${prefix}.self_attn.q_proj.weight`, shape: [width, width] },
      { name: `${prefix}.self_attn.k_proj.weight`, shape: [kvWidth, width] },
      { name: `${prefix}.self_attn.v_proj.weight`, shape: [kvWidth, width] },
      { name: `${prefix}.self_attn.o_proj.weight`, shape: [width, width] },
      { name: `${prefix}.post_attention_layernorm.weight`, shape: [width] },
      { name: `${prefix}.mlp.gate_proj.weight`, shape: [intermediateSize, width] },
      { name: `${prefix}.mlp.up_proj.weight`, shape: [intermediateSize, width] },
      { name: `${prefix}.mlp.down_proj.weight`, shape: [width, intermediateSize] },
    ];
  });
  return [
    { name: embeddingName, shape: [vocabSize, width] },
    ...layers.flat(),
    { name: "model.norm.weight", shape: [width] },
  ];
}

export const countParameters = (config: LlamaConfig): number =>
  listParameters(config).reduce((total, { shape }) => total + sizeOf(shape), 0);

/** One float32 variable for each parameter, under its name. */
export const defineParameters = (config: LlamaConfig): readonly Variable[] =>
  listParameters(config).map(({ name, shape }) => defineVariable(name, shape));

/**
 * The first value of a parameter: norms one, matrices normal with standard deviation initializerRange, the tied
 * embedding with a third of it. A normalised state meets the embedding with logits of deviation σ√C, which lifts the
 * first loss to ln V + σ²C/2: by ½ at σ = 1/√C, by 1/18 at a third of that.
 * Asked for in the order of `listParameters`, the values depend on the generator's seed only.
 */
export function initialValue(
  { name, shape }: ParameterInfo,
  { initializerRange }: LlamaConfig,
  nextGaussian: () => number,
): HostTensor {
  const data = new Float32Array(sizeOf(shape));
  const deviation = name === embeddingName ? initializerRange / 3 : initializerRange;
  if (shape.length < 2) data.fill(1);
  else for (let index = 0; index < data.length; index++) data[index] = deviation * nextGaussian();
  return float32(shape, data);
}
