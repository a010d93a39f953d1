/**
 * The weights as decoding multiplies with them. A product of one row costs what it takes to read the weight, so there
 * should be few of them, each on a core of its own: what has the same input is joined (queries with keys and values,
 * gate with up), then cut into `parts` that do not wait for each other. Weights lie as [in, out], the order in which a
 * row times a matrix reads memory once. docs/adr/0030 has the figures.
 *
 * Shape letters as in llama.ts; P parts.
 */
import type { Tensor } from "../tensor/graph.ts";
import { add, concat, gather, matmul, slice } from "../tensor/ops.ts";
import { defineVariable, readVariable, type Variable } from "../tensor/program.ts";
import type { HostTensor } from "../tensor/types.ts";
import { cuts, fillGroup, joined, rowsOf, type Block, type JoinedWeight } from "./joined-weights.ts";
import { headDim, type LlamaConfig } from "./llama-config.ts";
import { embeddingName, listParameters } from "./llama-parameters.ts";
import type { ReadWeights } from "./key-value-cache.ts";
import { swiGlu } from "./llama.ts";

interface Layer {
  /** P of (C, a share of H·D + 2·K·D). */
  readonly projections: readonly JoinedWeight[];
  /** P of (H·D, a share of C). */
  readonly outputs: readonly JoinedWeight[];
  /** P of (C, twice a share of F), and of (a share of F, C). */
  readonly gatesAndUps: readonly JoinedWeight[];
  readonly downs: readonly JoinedWeight[];
}

export interface DecodingWeights {
  readonly variables: readonly Variable[];
  /** The weights inside one function of a program. */
  readonly read: () => ReadWeights;
  /** Makes the value of every variable; `read` gives parameters by their Hugging Face names, each is asked for once. */
  readonly fill: (
    read: (name: string) => Promise<HostTensor>,
    write: (name: string, value: HostTensor) => Promise<void>,
  ) => Promise<void>;
}

export function defineDecodingWeights(config: LlamaConfig, parts: number): DecodingWeights {
  const { hiddenSize: width, intermediateSize, numLayers, vocabSize } = config;
  const embeddings = cuts(width, parts).map((columns, part) =>
    joined(`embedding.${part}`, [{ name: embeddingName, rows: [0, vocabSize], columns }], false),
  );
  const layers = Array.from({ length: numLayers }, (_, layer) => defineLayer(config, layer, parts));
  const norms = listParameters(config).filter(({ shape }) => shape.length === 1);
  const normVariables = norms.map(({ name, shape }) => defineVariable(name, shape));
  const groups = [
    embeddings,
    ...layers.map(({ projections, outputs, gatesAndUps, downs }) => [
      ...projections,
      ...outputs,
      ...gatesAndUps,
      ...downs,
    ]),
  ];
  return {
    variables: [...groups.flat().map(({ variable }) => variable), ...normVariables],
    read: () => readWeights({ width, intermediateSize, config, embeddings, layers, normVariables }),
    async fill(read, write) {
      for (const { name } of norms) await write(name, await read(name));
      for (const group of groups) await fillGroup(group, read, write);
    },
  };
}

function defineLayer(config: LlamaConfig, layer: number, parts: number): Layer {
  const { hiddenSize: width, intermediateSize, numKvHeads } = config;
  const kvWidth = numKvHeads * headDim(config);
  const whole = (name: string, rows: number): Block => ({
    name: `model.layers.${layer}.${name}.weight`,
    rows: [0, rows],
    columns: [0, width],
  });
  const queriesKeysValues = [
    whole("self_attn.q_proj", width),
    whole("self_attn.k_proj", kvWidth),
    whole("self_attn.v_proj", kvWidth),
  ];
  const down = whole("mlp.down_proj", width);
  const named = (what: string, part: number, blocks: readonly Block[]) =>
    joined(`layers.${layer}.${what}.${part}`, blocks, true);
  return {
    projections: cuts(width + 2 * kvWidth, parts).map((rows, part) =>
      named("projection", part, rowsOf(queriesKeysValues, rows)),
    ),
    outputs: cuts(width, parts).map((rows, part) =>
      named("output", part, rowsOf([whole("self_attn.o_proj", width)], rows)),
    ),
    gatesAndUps: cuts(intermediateSize, parts).map((rows, part) =>
      named("gateAndUp", part, [
        { ...whole("mlp.gate_proj", intermediateSize), rows },
        { ...whole("mlp.up_proj", intermediateSize), rows },
      ]),
    ),
    downs: cuts(intermediateSize, parts).map((columns, part) => named("down", part, [{ ...down, columns }])),
  };
}

interface Defined {
  readonly width: number;
  readonly intermediateSize: number;
  readonly config: LlamaConfig;
  readonly embeddings: readonly JoinedWeight[];
  readonly layers: readonly Layer[];
  readonly normVariables: readonly Variable[];
}

function readWeights({ config, embeddings, layers, normVariables, ...sizes }: Defined): ReadWeights {
  const kvWidth = config.numKvHeads * headDim(config);
  const gains = new Map(normVariables.map((variable) => [variable.name, readVariable(variable)]));
  const tables = embeddings.map(({ variable }) => readVariable(variable)); // P of (V, a share of C)
  const layerOf = (index: number): Layer => {
    const layer = layers[index];
    if (layer === undefined) throw new Error(`the model has no layer ${index}`);
    return layer;
  };
  return {
    parameters(name) {
      const gain = gains.get(name);
      if (gain === undefined) throw new Error(`${name} is not a norm`);
      return gain;
    },
    layers: {
      embed: (ids) => beside(tables.map((table) => gather(table, ids))),
      project(index, x) {
        const all = beside(layerOf(index).projections.map((weight) => product(x, weight))); // (N, H·D + 2·K·D)
        const { width } = sizes;
        return [columns(all, 0, width), columns(all, width, kvWidth), columns(all, width + kvWidth, kvWidth)];
      },
      output: (index, mixed) => beside(layerOf(index).outputs.map((weight) => product(mixed, weight))),
      feedForward(index, x) {
        const { gatesAndUps, downs } = layerOf(index);
        // Each share of the hidden units goes its whole way by itself; what they give is summed.
        return total(
          gatesAndUps.map((weight, part) => {
            const both = product(x, weight); // (N, twice a share of F)
            const share = (both.shape[1] ?? 0) / 2;
            return product(swiGlu(columns(both, 0, share), columns(both, share, share)), downs[part]);
          }),
        );
      },
    },
    logits(hidden) {
      let start = 0;
      return total(
        tables.map((table) => {
          const share = table.shape[1] ?? 0;
          start += share;
          return matmul(columns(hidden, start - share, share), table, { transposeB: true });
        }),
      );
    },
  };
}

function product(x: Tensor, weight: JoinedWeight | undefined): Tensor {
  if (weight === undefined) throw new Error("a weight lacks a part");
  return matmul(x, readVariable(weight.variable));
}

const beside = (shares: readonly Tensor[]): Tensor => concat(shares, -1);

const total = (shares: readonly Tensor[]): Tensor => shares.reduce((sum, share) => add(sum, share));

const columns = (x: Tensor, start: number, count: number): Tensor =>
  slice(x, [0, start], [x.shape[0] ?? 0, count]);
