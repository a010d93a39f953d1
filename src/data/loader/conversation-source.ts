/**
 * Batches for supervised fine-tuning: conversations in the chat template, supervised on assistant tokens only. A row
 * holds one conversation, or with `packing` as many as fit whole, in the order of the epoch.
 */
import { userError } from "../../errors.ts";
import { type ChatOptions, encodeChat, turnEnd } from "../../tokenizer/chat-template.ts";
import type { Encoder } from "../../tokenizer/encoder.ts";
import type { Batch, BatchSource } from "../batch.ts";
import type { Conversation } from "../records.ts";
import { EpochOrder, type EpochPosition } from "./epoch-order.ts";
import { checkLoaderOptions, noRecords, type LoaderOptions } from "./loader-options.ts";
import { PaddedBatch } from "./padded-batch.ts";
import { createPrefetchedSource } from "./prefetched-source.ts";

export interface ConversationSourceOptions extends LoaderOptions, Pick<ChatOptions, "systemPrompt"> {
  readonly packing?: boolean;
}

export interface ConversationSource extends BatchSource {
  /** Conversations of an epoch. */
  readonly conversations: number;
  /** Rows that the first epoch fills; packed, the order of another epoch may take a few more or less. */
  readonly rows: number;
  /** Conversations that lose their end because they are longer than a row. */
  readonly truncated: number;
  readonly dropped: {
    /** Nothing to supervise in what fits into a row. */
    readonly noAnswer: number;
  };
}

/**
 * Conversations are encoded once to see which are used, and again when their batch is due: memory does not grow with
 * their tokens. Throws LOADER_NO_RECORDS where there is none, LOADER_NO_ROWS if none is left.
 */
export function createConversationSource(
  conversations: readonly Conversation[],
  encoder: Encoder,
  options: ConversationSourceOptions,
): ConversationSource {
  checkLoaderOptions(options);
  const { batchSize, sequenceLength, packing = false } = options;
  const padding = encoder.specialTokenId(turnEnd);
  const rowIds = sequenceLength + 1;
  const encode = ({ messages }: Conversation) => {
    const { ids, lossMask } = encodeChat(encoder, messages, options);
    return {
      ids: ids.subarray(0, rowIds),
      lossMask: lossMask.subarray(0, rowIds),
      truncated: ids.length > rowIds,
    };
  };

  const kept: Conversation[] = [];
  /** Of those kept, their places in the data. */
  const numbers: number[] = [];
  const lengths: number[] = [];
  let truncated = 0;
  for (const [number, conversation] of conversations.entries()) {
    const encoded = encode(conversation);
    if (!encoded.lossMask.includes(1)) continue;
    kept.push(conversation);
    numbers.push(number);
    lengths.push(encoded.ids.length);
    if (encoded.truncated) truncated++;
  }
  if (conversations.length === 0) throw noRecords("conversations");
  if (kept.length === 0) {
    throw userError(
      "LOADER_NO_ROWS",
      `None of ${conversations.length} conversations has an assistant's word within ${sequenceLength} tokens.`,
      "Look at the conversations, or raise the sequence length.",
    );
  }
  const order = new EpochOrder(kept.length, options.seed);
  const encodeAt = (position: EpochPosition) => {
    const conversation = kept[order.at(position)];
    if (conversation === undefined) throw new RangeError("The order goes beyond the conversations.");
    return encode(conversation);
  };

  const make = (start: EpochPosition): { batch: Batch; end: EpochPosition } => {
    const batch = new PaddedBatch(batchSize, sequenceLength, padding);
    let position = start;
    let next = encodeAt(position);
    for (let row = 0; row < batchSize; row++) {
      const ids: number[] = [];
      const mask: number[] = [];
      const inRow: number[] = [];
      do {
        inRow.push(numbers[order.at(position)] ?? NaN);
        ids.push(...next.ids);
        mask.push(...next.lossMask);
        position = order.after(position);
        next = encodeAt(position);
      } while (packing && ids.length + next.ids.length <= rowIds);
      const origin = `conversation${inRow.length === 1 ? "" : "s"} ${inRow.join(", ")}`;
      batch.setRow(row, ids, (at) => mask[at] === 1, origin);
    }
    return { batch, end: position };
  };

  return {
    ...createPrefetchedSource(order, async (start) => {
      await Promise.resolve();
      return make(start);
    }),
    conversations: kept.length,
    rows: packing ? countPackedRows(order, lengths, rowIds) : kept.length,
    truncated,
    dropped: { noAnswer: conversations.length - kept.length },
  };
}

/** Rows of the first epoch when each takes the conversations that follow, as long as they fit. */
function countPackedRows(order: EpochOrder, lengths: readonly number[], rowIds: number): number {
  let rows = 0;
  let room = 0;
  for (let index = 0; index < lengths.length; index++) {
    const length = lengths[order.at({ epoch: 0, index })] ?? 0;
    if (length > room) {
      rows++;
      room = rowIds;
    }
    room -= length;
  }
  return rows;
}
