/**
 * Logits of next tokens through a key/value cache. It remembers what the cache holds: a text that begins like the one
 * before it in the same row costs only its new tokens, be it the next token of a sample or the next turn of a chat.
 */
import type { Executable } from "../engine/engine.ts";
import { PipelineError, userError } from "../errors.ts";
import {
  decodeFunction,
  defineCache,
  type CacheShape,
  type KeyValueCache,
  type ReadWeights,
} from "../model/key-value-cache.ts";
import type { LlamaConfig } from "../model/llama-config.ts";
import type { ProgramFunction } from "../tensor/program.ts";
import { int32, type HostTensor } from "../tensor/types.ts";

/** Tokens a call takes of each text: one while decoding, more while a prompt is read. */
const chunkSizes = [128, 16, 1] as const;

const slotStep = 64;

const functionName = (time: number): string => `decode${time}`;

/** The part of a program that a decoder needs: add its variables and functions to the rest. */
export function decoderParts(
  config: LlamaConfig,
  /** Asked once for each function. */
  weights: () => ReadWeights,
  shape: CacheShape,
): { readonly cache: KeyValueCache; readonly functions: readonly ProgramFunction[] } {
  const cache = defineCache(config, shape);
  const sizes = chunkSizes.filter((time) => time <= shape.capacity);
  return {
    cache,
    functions: sizes.map((time) => decodeFunction(functionName(time), config, weights(), cache, time)),
  };
}

export class Decoder {
  readonly #executable: Executable;
  readonly #config: LlamaConfig;
  readonly #shape: CacheShape;
  /** The tokens whose keys and values the cache holds, by row. */
  #cached: readonly (readonly number[])[];

  constructor(executable: Executable, config: LlamaConfig, shape: CacheShape) {
    this.#executable = executable;
    this.#config = config;
    this.#shape = shape;
    this.#cached = Array.from({ length: shape.batchSize }, () => []);
  }

  /**
   * Logits (V) of the token after each text, one text a row. Of a text longer than the cache the last part is read: the
   * beginning is dropped by halves of the cache, so that a growing text is read anew only now and then.
   * Throws `PROMPT_EMPTY`.
   */
  async nextLogits(texts: readonly (readonly number[])[]): Promise<Float32Array[]> {
    if (texts.length > this.#shape.batchSize)
      throw new RangeError(`${texts.length} texts for ${this.#shape.batchSize} rows`);
    const rows = texts.map((text, row) => this.#begin(text, this.#cached[row] ?? []));
    // Until the last call has returned, what a row holds beyond the common beginning is not certain.
    this.#cached = this.#cached.map((text, row) => text.slice(0, rows[row]?.position ?? text.length));
    const results = new Map<number, Float32Array>();
    for (;;) {
      const left = Math.max(...rows.map(({ visible, position }) => visible.length - position));
      if (left === 0) break;
      const time = this.#chunkSize(left);
      const { logits, finished } = await this.#step(rows, time);
      for (const row of finished)
        results.set(row, logits.slice(row * this.#config.vocabSize, (row + 1) * this.#config.vocabSize));
    }
    this.#cached = this.#cached.map((text, row) => rows[row]?.visible ?? text);
    return rows.map((_, row) => results.get(row) ?? new Float32Array());
  }

  #begin(text: readonly number[], cached: readonly number[]): Row {
    if (text.length === 0) throw userError("PROMPT_EMPTY", "there is no token to continue from");
    const { capacity } = this.#shape;
    const half = Math.max(1, capacity >> 1);
    const dropped = Math.ceil(Math.max(0, text.length - capacity) / half) * half;
    const visible = text.slice(dropped);
    // The last token is always computed: its hidden state gives the logits.
    const limit = Math.min(cached.length, visible.length - 1);
    let position = 0;
    while (position < limit && cached[position] === visible[position]) position++;
    return { visible, position };
  }

  /** The largest chunk that is not mostly padding. */
  #chunkSize(left: number): number {
    return chunkSizes.find((time) => time <= this.#shape.capacity && left * 4 >= time) ?? 1;
  }

  /** Slots to look at where `needed` of them hold tokens: in steps, because the engine prepares a product for each shape. */
  #lookedAt(needed: number): number {
    return Math.min(Math.ceil(needed / slotStep) * slotStep, this.#shape.capacity + 1);
  }

  /** Takes up to `time` tokens of every row; `finished` are the rows whose last token was among them. */
  async #step(
    rows: readonly Row[],
    time: number,
  ): Promise<{ readonly logits: Float32Array; readonly finished: readonly number[] }> {
    const { batchSize, capacity } = this.#shape;
    const tokens = new Int32Array(batchSize * time);
    const slots = new Int32Array(batchSize * time);
    const last = new Int32Array(batchSize);
    const finished: number[] = [];
    for (let row = 0; row < batchSize; row++) {
      const { visible, position } = rows[row] ?? { visible: [], position: 0 };
      const taken = Math.min(time, visible.length - position);
      for (let offset = 0; offset < time; offset++) {
        tokens[row * time + offset] = visible[position + offset] ?? 0;
        // Past the end of the text this is padding, in slots that it does not reach yet or in the one that is left over.
        slots[row * time + offset] = Math.min(position + offset, capacity);
      }
      last[row] = row * time + Math.max(0, taken - 1);
      if (taken > 0 && position + taken === visible.length) finished.push(row);
    }
    const { logits } = await this.#executable.call(functionName(time), {
      tokens: int32([batchSize, time], tokens),
      slots: int32([batchSize, time], slots),
      length: int32([], Int32Array.of(this.#lookedAt(Math.max(...slots) + 1))),
      last: int32([batchSize], last),
    });
    for (const row of rows) row.position = Math.min(row.visible.length, row.position + time);
    return { logits: floatsOf(logits), finished };
  }
}

interface Row {
  readonly visible: readonly number[];
  /** How many of its tokens the cache holds. */
  position: number;
}

function floatsOf(value: HostTensor | undefined): Float32Array {
  if (value?.dtype === "float32") return value.data;
  throw new PipelineError({ code: "ENGINE_FAILED", message: "decoding gave no float32 logits" });
}
