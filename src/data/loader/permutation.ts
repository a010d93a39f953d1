/**
 * A pseudo-random order of [0, size) computed index by index: an epoch's order needs no memory and no state.
 * A Feistel network over a power of four at least as large, walked along its cycles until it falls back into
 * the range (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002, section 4).
 */
import { userError } from "../../errors.ts";
import { mixBits } from "../../std/mix-bits.ts";
import type { Random } from "../random.ts";

const rounds = 8;
/** Halves of fewer bits than this would mix too little; small ranges pay with a longer walk instead. */
const smallestHalfBits = 4;

/** Index → its place in the order, a bijection on [0, size); 1 ≤ size ≤ 2^32. Takes its keys from `random`. */
export function createPermutation(size: number, random: Random): (index: number) => number {
  if (!Number.isInteger(size) || size < 1 || size > 0x100000000) {
    throw userError("PERMUTATION_SIZE", `A permutation needs a size from 1 to 2^32, not ${size}.`);
  }
  let halfBits = smallestHalfBits;
  while (4 ** halfBits < size) halfBits++;
  const halfMask = (1 << halfBits) - 1;
  const keys = Uint32Array.from({ length: rounds }, () => random.nextUint32());

  const feistel = (value: number): number => {
    let left = value >>> halfBits;
    let right = value & halfMask;
    for (const key of keys) {
      const next = left ^ (mixBits(right ^ key) & halfMask);
      left = right;
      right = next;
    }
    return ((left << halfBits) | right) >>> 0;
  };

  return (index) => {
    if (!Number.isInteger(index) || index < 0 || index >= size) {
      throw new RangeError(`Index ${index} is outside of a permutation of ${size}.`);
    }
    let place = feistel(index);
    while (place >= size) place = feistel(place);
    return place;
  };
}
