/**
 * A set of 64-bit keys in a fixed number of bits (Bloom, CACM 13(7), 1970) that is extended by another filter of the same
 * size whenever one is full, so that its rate of false positives stays known. Keys are never forgotten; what it has not seen
 * it may, rarely, take for seen.
 */

/** Bits a key and probes: with 20 probes into 28 bits a key a full filter errs with chance (1/2)²⁰ ≈ 10⁻⁶. */
const BITS_PER_KEY = 28;
const PROBES = 20;

export class GrowingBloomFilter {
  readonly #keysPerFilter: number;
  readonly #filters: Uint32Array[] = [];
  #keysInLast: number;

  /** Memory grows in steps of 3.5 bytes × `keysPerFilter`. */
  constructor(keysPerFilter: number) {
    this.#keysPerFilter = keysPerFilter;
    this.#keysInLast = keysPerFilter;
  }

  get bytes(): number {
    return this.#filters.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  has(high: number, low: number): boolean {
    return this.#filters.some((words) => probe(words, high, low));
  }

  add(high: number, low: number): void {
    if (this.#keysInLast === this.#keysPerFilter) {
      this.#filters.push(new Uint32Array(Math.ceil((this.#keysPerFilter * BITS_PER_KEY) / 32)));
      this.#keysInLast = 0;
    }
    const words = this.#filters.at(-1);
    if (!words) return;
    for (let index = 0; index < PROBES; index++) {
      const bit = probeAt(index, high, low, words.length);
      const word = Math.floor(bit / 32);
      words[word] = (words[word] ?? 0) | (1 << (bit % 32));
    }
    this.#keysInLast++;
  }
}

function probe(words: Uint32Array, high: number, low: number): boolean {
  for (let index = 0; index < PROBES; index++) {
    const bit = probeAt(index, high, low, words.length);
    if (((words[Math.floor(bit / 32)] ?? 0) & (1 << (bit % 32))) === 0) return false;
  }
  return true;
}

/** Double hashing (Kirsch and Mitzenmacher 2006): two hashes give as many probes as are wanted. */
function probeAt(index: number, high: number, low: number, words: number): number {
  return ((high + index * ((low | 1) >>> 0)) % 2 ** 32) % (words * 32);
}
