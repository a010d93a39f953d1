/** A batch that is filled row by row from sequences of ids; the rest is padding, which nothing supervises. */
import type { Batch, Origins } from "../batch.ts";

export class PaddedBatch implements Batch {
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly inputs: Int32Array;
  readonly targets: Int32Array;
  readonly lossMask: Float32Array;
  readonly #origins: string[] = [];

  constructor(batchSize: number, sequenceLength: number, padding: number) {
    this.batchSize = batchSize;
    this.sequenceLength = sequenceLength;
    const size = batchSize * sequenceLength;
    this.inputs = new Int32Array(size).fill(padding);
    this.targets = new Int32Array(size).fill(padding);
    this.lossMask = new Float32Array(size);
  }

  /**
   * Puts up to sequenceLength + 1 ids into a row: each but the last is an input, each but the first a target,
   * supervised where `supervised` says so of it. `origin`: what the ids were made from.
   */
  setRow(row: number, ids: ArrayLike<number>, supervised: (at: number) => boolean, origin = ""): void {
    this.#origins[row] = origin;
    const start = row * this.sequenceLength;
    const length = Math.min(ids.length - 1, this.sequenceLength);
    for (let i = 0; i < length; i++) {
      this.inputs[start + i] = ids[i] as number;
      this.targets[start + i] = ids[i + 1] as number;
      this.lossMask[start + i] = supervised(i + 1) ? 1 : 0;
    }
  }

  get origins(): Origins {
    return () => Promise.resolve(this.#origins);
  }
}
