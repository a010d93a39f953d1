/**
 * Decoding with a key/value cache: each call takes the next T tokens of B texts, sees what the cache holds of them,
 * and appends their own keys and values. The result is that of a forward pass over the whole texts.
 *
 * Shape letters as in llama.ts; S is how many slots the cache has for each text: token t stands in slot t, and one more is
 * left for padding.
 */
import { cachedAttention } from "../tensor/cached-attention.ts";
import type { Tensor } from "../tensor/graph.ts";
import { add, constant, gather, reshape } from "../tensor/ops.ts";
import {
  defineVariable,
  feed,
  readVariable,
  type Effect,
  type ProgramFunction,
  type Variable,
} from "../tensor/program.ts";
import { int32 } from "../tensor/types.ts";
import { headDim, type LlamaConfig } from "./llama-config.ts";
import { llamaHidden, outputLogits, type Attend, type LinearLayers, type Parameters } from "./llama.ts";
import { ropeRows, ropeTables } from "./rope.ts";

export interface CacheShape {
  /** B */
  readonly batchSize: number;
  /** S − 1 */
  readonly capacity: number;
}

export interface KeyValueCache extends CacheShape {
  /** By layer, (B·K·S, D): row (b·K + k)·S + s is slot s of text b. */
  readonly keys: readonly Variable[];
  readonly values: readonly Variable[];
}

export function defineCache(config: LlamaConfig, { batchSize, capacity }: CacheShape): KeyValueCache {
  const shape = [batchSize * config.numKvHeads * (capacity + 1), headDim(config)];
  const layers = (name: string) =>
    Array.from({ length: config.numLayers }, (_, layer) => defineVariable(`cache.${layer}.${name}`, shape));
  return { batchSize, capacity, keys: layers("keys"), values: layers("values") };
}

/** A model's weights inside one function: as they are (`plainWeights`), or joined and cut (decoding-weights.ts). */
export interface ReadWeights {
  readonly parameters: Parameters;
  /** Default: a product for each of `parameters`. */
  readonly layers?: LinearLayers;
  /** (R, C) → (R, V). */
  readonly logits: (hidden: Tensor) => Tensor;
}

export const plainWeights = (parameters: Parameters): ReadWeights => ({
  parameters,
  logits: (hidden) => outputLogits(parameters, hidden),
});

/**
 * Feeds: tokens int32 (B, T); slots int32 (B, T), where each stands in its text; length int32 (), how many slots are looked
 * at, more than the largest of `slots`; last int32 (B), the row in N of each text's last token. Fetches logits (B, V) of
 * the tokens that follow. Padding goes into slots after the text's last token, which no token of the text sees.
 */
export function decodeFunction(
  name: string,
  config: LlamaConfig,
  { parameters, layers, logits: logitsOf }: ReadWeights,
  cache: KeyValueCache,
  time: number,
): ProgramFunction {
  const { batchSize: batch, capacity } = cache;
  const tokens = feed("tokens", [batch, time], "int32");
  const slots = feed("slots", [batch, time], "int32");
  const length = feed("length", [], "int32");
  const last = feed("last", [batch], "int32");

  const effects: Effect[] = [];
  const positions = reshape(slots, [batch * time]);
  const tables = (scale: number) => ropeRows(ropeTables(config, capacity + 1, scale), positions, batch);
  const hidden = llamaHidden(config, parameters, tokens, {
    ...(layers === undefined ? {} : { layers }),
    plan: {
      queryTables: tables(1 / Math.sqrt(headDim(config))),
      keyTables: tables(1),
      attend: attendCached(config, cache, { slots, length }, effects),
    },
  });
  const logits = logitsOf(gather(hidden, last)); // (B, C) → (B, V)
  return { name, feeds: [tokens, slots, length, last], fetches: { logits }, effects };
}

function attendCached(
  { numKvHeads }: LlamaConfig,
  cache: KeyValueCache,
  { slots, length }: { readonly slots: Tensor; readonly length: Tensor },
  effects: Effect[],
): Attend {
  const [batch = 0, time = 0] = slots.shape;
  const rows = cacheRows(cache, numKvHeads, slots);
  return (layer, queries, keys, values) => {
    const dim = queries.shape[3] ?? 0;
    const variableOf = (variables: readonly Variable[], fresh: Tensor): Tensor => {
      const variable = variables[layer];
      if (variable === undefined) throw new Error(`the cache has no layer ${layer}`);
      const value = reshape(fresh, [batch * numKvHeads * time, dim]);
      effects.push({ kind: "assignRows", variable, rows, value });
      return readVariable(variable);
    };
    const cachedKeys = variableOf(cache.keys, keys);
    const cachedValues = variableOf(cache.values, values);
    return cachedAttention({ queries, keys, values, cachedKeys, cachedValues, slots, length });
  };
}

/** Where the keys and values of new tokens (B, K, T) go: rows int32 (B·K·T) of the cache. */
function cacheRows({ batchSize, capacity }: CacheShape, numKvHeads: number, slots: Tensor): Tensor {
  const pairs = batchSize * numKvHeads;
  const time = slots.shape[1] ?? 0;
  const starts = Int32Array.from({ length: pairs }, (_, pair) => pair * (capacity + 1));
  const rows = add(constant(int32([batchSize, numKvHeads, 1], starts)), reshape(slots, [batchSize, 1, time]));
  return reshape(rows, [pairs * time]);
}
