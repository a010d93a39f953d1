/** The order in which a source gives its rows: all of them every epoch, each epoch shuffled anew from the seed. */
import { PipelineError } from "../../errors.ts";
import type { JsonObject } from "../../std/json.ts";
import { createRandom } from "../random.ts";
import { createPermutation } from "./permutation.ts";

export interface EpochPosition {
  readonly epoch: number;
  /** Rows of this epoch that were given already. */
  readonly index: number;
}

export class EpochOrder {
  readonly #size: number;
  readonly #seed: number;
  #permutationEpoch = -1;
  #permutation: (index: number) => number = (index) => index;

  constructor(size: number, seed: number) {
    this.#size = size;
    this.#seed = seed;
  }

  /** The row at a position. */
  at({ epoch, index }: EpochPosition): number {
    if (epoch !== this.#permutationEpoch) {
      this.#permutation = createPermutation(this.#size, createRandom(this.#seed).fork(`epoch:${epoch}`));
      this.#permutationEpoch = epoch;
    }
    return this.#permutation(index);
  }

  /** Past the last row of an epoch comes the first of the next. */
  after({ epoch, index }: EpochPosition): EpochPosition {
    return index + 1 < this.#size ? { epoch, index: index + 1 } : { epoch: epoch + 1, index: 0 };
  }

  /** Reads a cursor back. Throws CURSOR_INVALID for one that is no place in this order. */
  parse({ epoch, index }: JsonObject): EpochPosition {
    if (isCount(epoch) && isCount(index) && index < this.#size) return { epoch, index };
    throw new PipelineError({
      code: "CURSOR_INVALID",
      message: `The data cursor ${JSON.stringify({ epoch, index })} is no place among ${this.#size} rows.`,
      hint: "The checkpoint belongs to other data: start this stage anew.",
    });
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
