/** Token batches as the training loop takes them, and the sources that give them in a recorded order. */
import type { JsonObject } from "../std/json.ts";

/** B sequences of T tokens, row-major (B, T). */
export interface Batch {
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly inputs: Int32Array;
  /** inputs shifted by one; where lossMask is 0 any valid id. */
  readonly targets: Int32Array;
  /** 1 where the target is supervised. */
  readonly lossMask: Float32Array;
  /** Numbers that tell the documents of a row apart, for attention that stays within them. */
  readonly documents?: Int32Array;
  readonly origins?: Origins;
}

/** What each row was made from, for people to find it by: asked for when a step went wrong, not before. */
export type Origins = () => Promise<readonly string[]>;

/** Gives batches for ever (epoch after epoch) in an order that its seed decides. */
export interface BatchSource {
  next(): Promise<Batch>;
  /** Where it stands: after `seek(cursor())` a new source goes on exactly where this one would have. */
  cursor(): JsonObject;
  seek(cursor: JsonObject): void;
}

/**
 * B preference pairs: row i of `chosen` and row i of `rejected` answer the same prompt. Both sides have one shape
 * (B, T); lossMask is 1 where the target is a token of the answer.
 */
export interface PairBatch {
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly chosen: Batch;
  readonly rejected: Batch;
  /** Per row, the number of its pair among those that the source kept: the key of cached reference log-probabilities. */
  readonly indices: Int32Array;
  readonly origins?: Origins;
}

/** As BatchSource, for preference pairs. */
export interface PairBatchSource {
  next(): Promise<PairBatch>;
  cursor(): JsonObject;
  seek(cursor: JsonObject): void;
}
