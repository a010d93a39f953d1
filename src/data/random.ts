/**
 * Seeded randomness: xoshiro128** 1.1 (Blackman and Vigna, "Scrambled linear pseudorandom number generators",
 * ACM TOMS 47(4), 2021). A stream is a 128-bit key; `fork(label)` hashes key and label into a new key, so that
 * a stream drawn for one purpose never shifts another. Not for cryptography.
 */
import { createHash } from "node:crypto";
import { userError } from "../errors.ts";

/** JSON form of a stream and where it stands. */
export interface RandomState {
  /** 32 hex digits: what the stream was seeded with, the root of its forks. */
  readonly key: string;
  /** The four 32-bit words of the generator. */
  readonly words: readonly [number, number, number, number];
  /** The second value of the last Gaussian pair, if it was not taken yet. */
  readonly spareGaussian: number | null;
}

export interface Random {
  /** Integer in [0, 2^32). */
  nextUint32(): number;
  /** Float in [0, 1), 53 random bits. */
  uniform(): number;
  /** Integer in [0, bound), without modulo bias; 1 ≤ bound ≤ 2^32. */
  nextInt(bound: number): number;
  /** Normal with mean 0 and variance 1. */
  nextGaussian(): number;
  /** Shuffles in place and returns its argument. */
  shuffle<A extends ShuffledArray>(items: A): A;
  /** An independent stream; depends on this stream's seed and the label, not on what was drawn so far. */
  fork(label: string): Random;
  state(): RandomState;
}

type ShuffledArray = unknown[] | Int32Array | Uint32Array | Uint16Array | Float64Array;

/** A stream for a seed; number and string seeds differ (`1` is not `"1"`). Throws RANDOM_SEED for a non-integer. */
export function createRandom(seed: number | string): Random {
  if (typeof seed === "number" && !Number.isSafeInteger(seed)) {
    throw userError("RANDOM_SEED", `The random seed ${seed} is not an integer.`, "Give an integer seed.");
  }
  return streamOf(hashKey(`seed:${typeof seed}:${seed}`));
}

/** Continues a stream exactly where `state()` was taken. Throws RANDOM_STATE for what is no state. */
export function restoreRandom(state: RandomState): Random {
  const valid =
    /^[0-9a-f]{32}$/.test(state.key) &&
    state.words.every((word) => Number.isInteger(word) && word >= 0 && word <= 0xffffffff) &&
    state.words.some((word) => word !== 0) &&
    (state.spareGaussian === null || Number.isFinite(state.spareGaussian));
  if (!valid) throw userError("RANDOM_STATE", "This is not the state of a random stream.");
  return new Xoshiro128(state.key, state.words, state.spareGaussian);
}

function streamOf(key: string): Random {
  const word = (index: number) => Number.parseInt(key.slice(index * 8, index * 8 + 8), 16);
  return new Xoshiro128(key, [word(0), word(1), word(2), word(3)], null);
}

/** The first 128 bits of a SHA-256; all zeros, the one state xoshiro must not have, has chance 2^-128. */
function hashKey(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

const rotateLeft = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

class Xoshiro128 implements Random {
  readonly #key: string;
  #a: number;
  #b: number;
  #c: number;
  #d: number;
  #spareGaussian: number | null;

  constructor(key: string, words: RandomState["words"], spareGaussian: number | null) {
    this.#key = key;
    [this.#a, this.#b, this.#c, this.#d] = words;
    this.#spareGaussian = spareGaussian;
  }

  nextUint32(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = rotateLeft(this.#d, 11);
    return result;
  }

  uniform(): number {
    const high = this.nextUint32() >>> 5; // 27 bits
    const low = this.nextUint32() >>> 6; // 26 bits
    return (high * 0x4000000 + low) / 0x20000000000000;
  }

  nextInt(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 0x100000000) {
      throw userError("RANDOM_BOUND", `nextInt needs a bound from 1 to 2^32, not ${bound}.`);
    }
    // Refuse the top partial multiple of bound, so that every remainder is equally likely.
    const limit = 0x100000000 - (0x100000000 % bound);
    let value = this.nextUint32();
    while (value >= limit) value = this.nextUint32();
    return value % bound;
  }

  /** Marsaglia's polar method (Marsaglia and Bray, SIAM Review 6(3), 1964). */
  nextGaussian(): number {
    if (this.#spareGaussian !== null) {
      const spare = this.#spareGaussian;
      this.#spareGaussian = null;
      return spare;
    }
    for (;;) {
      const u = 2 * this.uniform() - 1;
      const v = 2 * this.uniform() - 1;
      const s = u * u + v * v;
      if (s >= 1 || s === 0) continue;
      const scale = Math.sqrt((-2 * Math.log(s)) / s);
      this.#spareGaussian = v * scale;
      return u * scale;
    }
  }

  /** Fisher and Yates, in Durstenfeld's form (CACM 7(7), 1964, algorithm 235). */
  shuffle<A extends ShuffledArray>(items: A): A {
    const slots: unknown[] | Int32Array = items as unknown[] | Int32Array; // one view for the swaps below
    for (let i = slots.length - 1; i > 0; i--) {
      const j = this.nextInt(i + 1);
      const moved = slots[i];
      slots[i] = slots[j];
      slots[j] = moved;
    }
    return items;
  }

  fork(label: string): Random {
    return streamOf(hashKey(`fork:${this.#key}:${label}`));
  }

  state(): RandomState {
    const words = [this.#a >>> 0, this.#b >>> 0, this.#c >>> 0, this.#d >>> 0] as const;
    return { key: this.#key, words, spareGaussian: this.#spareGaussian };
  }
}
