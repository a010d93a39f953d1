/**
 * Decoding with a key/value cache: each call takes the next T tokens of B texts, sees what the cache holds of them,
 * and appends their own keys and values. The result is that of a forward pass over the whole texts.
 *
 * Shape letters as in llama.ts; S is how many tokens the cache holds of each text.
 */
import type { Tensor } from "../tensor/graph.ts";
import {
  add,
  broadcastTo,
  concat,
  constant,
  gather,
  less,
  matmul,
  reshape,
  select,
  slice,
  softmax,
} from "../tensor/ops.ts";
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
import { causalMask, llamaHidden, outputLogits, type Attend, type Parameters } from "./llama.ts";
import { ropeRows, ropeTables } from "./rope.ts";

export interface CacheShape {
  /** B */
  readonly batchSize: number;
  /** S */
  readonly capacity: number;
}

export interface KeyValueCache extends CacheShape {
  /** By layer, (B·K·(S+1), D): row (b·K + k)·(S+1) + t is token t of text b. The last row of each is for padding. */
  readonly keys: readonly Variable[];
  readonly values: readonly Variable[];
}

export function defineCache(config: LlamaConfig, { batchSize, capacity }: CacheShape): KeyValueCache {
  const shape = [batchSize * config.numKvHeads * (capacity + 1), headDim(config)];
  const layers = (name: string) =>
    Array.from({ length: config.numLayers }, (_, layer) => defineVariable(`cache.${layer}.${name}`, shape));
  return { batchSize, capacity, keys: layers("keys"), values: layers("values") };
}

/**
 * Feeds: tokens int32 (B, T); positions int32 (B·T), where each token stands in its text; lengths int32 (B, 1), how much
 * of each text the cache holds; rows int32 (B·K·T), where keys and values go; last int32 (B), the row in N of each
 * text's last token. Fetches logits (B, V) of the tokens that follow.
 */
export function decodeFunction(
  name: string,
  config: LlamaConfig,
  parameters: Parameters,
  cache: KeyValueCache,
  time: number,
): ProgramFunction {
  const { batchSize: batch, capacity } = cache;
  const pairs = batch * config.numKvHeads;
  const tokens = feed("tokens", [batch, time], "int32");
  const positions = feed("positions", [batch * time], "int32");
  const lengths = feed("lengths", [batch, 1], "int32");
  const rows = feed("rows", [pairs * time], "int32");
  const last = feed("last", [batch], "int32");

  const effects: Effect[] = [];
  const tables = (scale: number) => ropeRows(ropeTables(config, capacity, scale), positions, batch);
  const hidden = llamaHidden(config, parameters, tokens, {
    plan: {
      queryTables: tables(1 / Math.sqrt(headDim(config))),
      keyTables: tables(1),
      attend: cachedAttention(config, cache, time, { lengths, rows }, effects),
    },
  });
  const logits = outputLogits(parameters, gather(hidden, last)); // (B, C) → (B, V)
  return { name, feeds: [tokens, positions, lengths, rows, last], fetches: { logits }, effects };
}

/** New tokens see the cached ones and, causally, each other: two blocks of scores under one softmax. */
function cachedAttention(
  { numHeads, numKvHeads }: LlamaConfig,
  cache: KeyValueCache,
  time: number,
  { lengths, rows }: { readonly lengths: Tensor; readonly rows: Tensor },
  effects: Effect[],
): Attend {
  const { batchSize: batch, capacity } = cache;
  const [pairs, group] = [batch * numKvHeads, numHeads / numKvHeads];
  const past = pastMask(lengths, capacity, numKvHeads);
  const ahead = causalMask(time);
  return (layer, queries, keys, values) => {
    const dim = queries.shape[3] ?? 0;
    const cached = (variable: Variable | undefined, fresh: Tensor): Tensor => {
      if (variable === undefined) throw new Error(`the cache has no layer ${layer}`);
      effects.push({ kind: "assignRows", variable, rows, value: reshape(fresh, [pairs * time, dim]) });
      const whole = reshape(readVariable(variable), [pairs, capacity + 1, dim]);
      return slice(whole, [0, 0, 0], [pairs, capacity, dim]); // (B·K, S, D)
    };
    const oldKeys = cached(cache.keys[layer], keys);
    const oldValues = cached(cache.values[layer], values);
    const newKeys = reshape(keys, [pairs, time, dim]);
    const newValues = reshape(values, [pairs, time, dim]);
    const stacked = reshape(queries, [pairs, group * time, dim]); // (B·K, G·T, D)

    const toOld = add(matmul(stacked, oldKeys, { transposeB: true }), past); // (B·K, G·T, S)
    const products = reshape(matmul(stacked, newKeys, { transposeB: true }), [pairs * group, time, time]);
    const toNew = reshape(add(products, ahead), [pairs, group * time, time]); // (B·K, G·T, T)
    const weights = softmax(concat([toOld, toNew], -1)); // (B·K, G·T, S + T)
    const part = (begin: number, size: number) => slice(weights, [0, 0, begin], [pairs, group * time, size]);
    const mixed = add(matmul(part(0, capacity), oldValues), matmul(part(capacity, time), newValues));
    return reshape(mixed, queries.shape); // (B, H, T, D)
  };
}

/** 0 where the cache holds a token of the text, else so low that its softmax is exactly 0: (B·K, 1, S). */
function pastMask(lengths: Tensor, capacity: number, numKvHeads: number): Tensor {
  const batch = lengths.shape[0] ?? 0;
  const slots = constant(
    int32(
      [1, capacity],
      Int32Array.from({ length: capacity }, (_, slot) => slot),
    ),
  );
  const mask = reshape(select(less(slots, lengths), 0, -1e9), [batch, 1, capacity]); // (B, 1, S)
  return reshape(broadcastTo(mask, [batch, numKvHeads, capacity]), [batch * numKvHeads, 1, capacity]);
}
