/**
 * Batches for pretraining: the tokens of a split cut into windows that follow each other, documents packed end to end.
 * Every token is an input once an epoch, but for the ragged tail, and every target is supervised.
 */
import { userError } from "../../errors.ts";
import type { Batch, BatchSource } from "../batch.ts";
import { locateTokens } from "../shards/locate-tokens.ts";
import type { TokenShards } from "../shards/open-shards.ts";
import { EpochOrder, type EpochPosition } from "./epoch-order.ts";
import { checkLoaderOptions, type LoaderOptions } from "./loader-options.ts";
import { createPrefetchedSource } from "./prefetched-source.ts";

export interface PretrainSourceOptions extends LoaderOptions {
  readonly split: string;
  /** Id of `<|endoftext|>`: batches then tell documents apart. */
  readonly endOfText?: number;
}

export interface PretrainSource extends BatchSource {
  /** Windows of an epoch: window w has the inputs [w · T, (w + 1) · T) and the targets one further. */
  readonly windows: number;
  /** Tokens at the end of the split that are no input. */
  readonly droppedTokens: number;
}

/** Throws LOADER_TOO_FEW_TOKENS if the split does not fill one window. */
export function createPretrainSource(shards: TokenShards, options: PretrainSourceOptions): PretrainSource {
  checkLoaderOptions(options);
  const { batchSize, sequenceLength, split: splitName, endOfText } = options;
  const split = shards.split(splitName);
  const { tokens } = split.totals;
  const windows = Math.floor((tokens - 1) / sequenceLength);
  if (windows < 1) {
    throw userError(
      "LOADER_TOO_FEW_TOKENS",
      `The split ${splitName} has ${tokens} tokens, not enough for one window of ${sequenceLength} and its targets.`,
      "Give the corpus more text, or lower the context length.",
    );
  }
  const order = new EpochOrder(windows, options.seed);

  const make = async (start: EpochPosition): Promise<{ batch: Batch; end: EpochPosition }> => {
    const inputs = new Int32Array(batchSize * sequenceLength);
    const targets = new Int32Array(batchSize * sequenceLength);
    let position = start;
    const reads: Promise<void>[] = [];
    const firstTokens: number[] = [];
    for (let row = 0; row < batchSize; row++) {
      const firstToken = order.at(position) * sequenceLength;
      firstTokens.push(firstToken);
      reads.push(readWindow(firstToken, row * sequenceLength, inputs, targets));
      position = order.after(position);
    }
    await Promise.all(reads);
    const lossMask = new Float32Array(batchSize * sequenceLength).fill(1);
    const origins = () => describe(firstTokens);
    const plain = { batchSize, sequenceLength, inputs, targets, lossMask, origins };
    const batch =
      endOfText === undefined
        ? plain
        : { ...plain, documents: numberDocuments(inputs, sequenceLength, endOfText) };
    return { batch, end: position };
  };

  const readWindow = async (firstToken: number, at: number, inputs: Int32Array, targets: Int32Array) => {
    const window = new Int32Array(sequenceLength + 1);
    await split.read(firstToken, sequenceLength + 1, window);
    inputs.set(window.subarray(0, sequenceLength), at);
    targets.set(window.subarray(1), at);
  };

  const describe = async (firstTokens: readonly number[]) => {
    const names = shards.manifest.splits[splitName]?.shards ?? [];
    const ranges = firstTokens.map((start) => ({ start, count: sequenceLength + 1 }));
    const places = await locateTokens(split, names, ranges);
    return places.map(
      ({ shard, shardOffset, firstDocument, lastDocument }, row) =>
        `tokens ${firstTokens[row] ?? NaN} + ${sequenceLength + 1} of ${splitName} (${shard} from token ${shardOffset}, documents ${firstDocument} to ${lastDocument})`,
    );
  };

  return {
    ...createPrefetchedSource(order, make),
    windows,
    droppedTokens: tokens - windows * sequenceLength,
  };
}

/**
 * The number of each token's document within its row (B, T). An end of text belongs to the document that follows it: it
 * predicts that document's first token, so it is what such a document begins with, here as in evaluation.
 */
function numberDocuments(inputs: Int32Array, sequenceLength: number, endOfText: number): Int32Array {
  const documents = new Int32Array(inputs.length);
  let number = 0;
  for (let at = 0; at < inputs.length; at++) {
    if (at % sequenceLength === 0) number = 0;
    if (inputs[at] === endOfText) number++;
    documents[at] = number;
  }
  return documents;
}
