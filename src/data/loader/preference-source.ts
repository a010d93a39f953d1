/**
 * Batches for preference training: each pair as two rows, its prompt with the better and with the worse answer,
 * supervised on the answer's tokens and its `<|im_end|>` only.
 */
import { userError } from "../../errors.ts";
import { type ChatOptions, encodeChat, turnEnd } from "../../tokenizer/chat-template.ts";
import type { Encoder } from "../../tokenizer/encoder.ts";
import type { PairBatch, PairBatchSource } from "../batch.ts";
import type { PreferencePair } from "../records.ts";
import { EpochOrder, type EpochPosition } from "./epoch-order.ts";
import { checkLoaderOptions, noRecords, type LoaderOptions } from "./loader-options.ts";
import { PaddedBatch } from "./padded-batch.ts";
import { createPrefetchedSource } from "./prefetched-source.ts";

export interface PreferenceSourceOptions extends LoaderOptions, Pick<ChatOptions, "systemPrompt"> {
  /** Tokens of a prompt with the header of the answer; pairs with a longer one are dropped. */
  readonly maxPromptLength: number;
}

export interface PreferenceSource extends PairBatchSource {
  /** Pairs of an epoch; `indices` of batches number them from 0 in the order of the data. */
  readonly pairCount: number;
  /** Pairs of which an answer loses its end because it is longer than a row. */
  readonly truncated: number;
  readonly dropped: {
    readonly promptTooLong: number;
    /** No token of an answer fits into a row after the prompt. */
    readonly noAnswer: number;
    /** Both rows hold the same tokens: nothing to prefer. */
    readonly identical: number;
  };
}

interface EncodedAnswer {
  /** At most T + 1, ending with the answer. */
  readonly ids: Uint32Array;
  readonly promptLength: number;
  readonly truncated: boolean;
}

/** Throws LOADER_NO_RECORDS where there is no pair, LOADER_NO_ROWS if none is left. */
export function createPreferenceSource(
  pairs: readonly PreferencePair[],
  encoder: Encoder,
  options: PreferenceSourceOptions,
): PreferenceSource {
  checkLoaderOptions(options);
  const { batchSize, sequenceLength, maxPromptLength } = options;
  const padding = encoder.specialTokenId(turnEnd);
  const encode = ({ prompt }: PreferencePair, answer: string): EncodedAnswer => {
    const { ids, answers } = encodeChat(
      encoder,
      [...prompt, { role: "assistant", content: answer }],
      options,
    );
    const [start, end] = answers.at(-1) ?? [ids.length, ids.length];
    return {
      ids: ids.subarray(0, Math.min(end, sequenceLength + 1)),
      promptLength: start,
      truncated: end > sequenceLength + 1,
    };
  };

  const kept: PreferencePair[] = [];
  /** Of those kept, their places in the data. */
  const numbers: number[] = [];
  const dropped = { promptTooLong: 0, noAnswer: 0, identical: 0 };
  let truncated = 0;
  for (const [number, pair] of pairs.entries()) {
    const chosen = encode(pair, pair.chosen);
    const rejected = encode(pair, pair.rejected);
    // Answers that begin with a line break may shift the border by a token.
    if (Math.max(chosen.promptLength, rejected.promptLength) > maxPromptLength) dropped.promptTooLong++;
    else if ([chosen, rejected].some(({ ids, promptLength }) => ids.length <= promptLength))
      dropped.noAnswer++;
    else if (Buffer.compare(bytesOf(chosen.ids), bytesOf(rejected.ids)) === 0) dropped.identical++;
    else {
      kept.push(pair);
      numbers.push(number);
      if (chosen.truncated || rejected.truncated) truncated++;
    }
  }
  if (pairs.length === 0) throw noRecords("preference pairs");
  if (kept.length === 0) {
    throw userError(
      "LOADER_NO_ROWS",
      `None of ${pairs.length} preference pairs can be used: ${JSON.stringify(dropped)}.`,
      "Look at the pairs, or raise the sequence length and maxPromptLength.",
    );
  }
  const order = new EpochOrder(kept.length, options.seed);

  const make = (start: EpochPosition): { batch: PairBatch; end: EpochPosition } => {
    const chosen = new PaddedBatch(batchSize, sequenceLength, padding);
    const rejected = new PaddedBatch(batchSize, sequenceLength, padding);
    const indices = new Int32Array(batchSize);
    let position = start;
    for (let row = 0; row < batchSize; row++) {
      const index = order.at(position);
      const pair = kept[index];
      if (pair === undefined) throw new RangeError("The order goes beyond the pairs.");
      indices[row] = index;
      for (const [side, answer] of [
        [chosen, pair.chosen],
        [rejected, pair.rejected],
      ] as const) {
        const { ids, promptLength } = encode(pair, answer);
        side.setRow(row, ids, (at) => at >= promptLength, `pair ${numbers[index] ?? NaN}`);
      }
      position = order.after(position);
    }
    const { origins } = chosen;
    return { batch: { batchSize, sequenceLength, chosen, rejected, indices, origins }, end: position };
  };

  return {
    ...createPrefetchedSource(order, async (start) => {
      await Promise.resolve();
      return make(start);
    }),
    pairCount: kept.length,
    truncated,
    dropped,
  };
}

function bytesOf(ids: Uint32Array): Buffer {
  return Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength);
}
