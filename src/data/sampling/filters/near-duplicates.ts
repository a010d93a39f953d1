/**
 * Near-duplicates by MinHash (Broder 1997, "On the resemblance and containment of documents") with banding (Leskovec,
 * Rajaraman and Ullman, Mining of Massive Datasets, 3.4): a document is one if all rows of any band are those of a document
 * before it. With Jaccard similarity s of their shingles the chance is 1 - (1 - s^rows)^bands; with 14 bands of 8 rows
 * 0.09 % at 0.3, 5 % at 0.5, 56 % at 0.7, 92 % at 0.8, 99.96 % at 0.9.
 * Memory: a band's key is kept in 28 bits of a Bloom filter, as in LSHBloom (Khan et al. 2024): 3.5 bytes × bands a document.
 */
import { z } from "zod";
import { extendHash, finalize, type TextUnits } from "../../documents/text-units.ts";
import { createRandom } from "../../random.ts";
import { GrowingBloomFilter } from "./bloom-filter.ts";

export const nearDuplicateParams = z
  .strictObject({
    bands: z.int().min(1).max(64).default(14).describe("More bands find less similar documents, too."),
    rows: z
      .int()
      .min(1)
      .max(32)
      .default(8)
      .describe("MinHash values a band; more rows ask for more similarity."),
    shingle: z
      .int()
      .min(1)
      .max(32)
      .default(5)
      .describe("Words, in Chinese characters, that are compared at a time."),
  })
  .describe("Leaves out what is nearly a document that was kept before (MinHash).");

export type NearDuplicateParams = z.infer<typeof nearDuplicateParams>;

/** Documents for which one more filter is made: 49 MB with 14 bands. */
const DOCUMENTS_PER_FILTER = 1 << 20;

/** Two 32-bit words a band; undefined where a text has fewer units than a shingle and nothing can be said. */
export type BandKeys = Uint32Array;

export class MinHasher {
  readonly #params: NearDuplicateParams;
  /** Permutations x → a·x + b of 32-bit numbers, a odd (Broder et al. 1998, 4.1). */
  readonly #factors: Int32Array;
  readonly #offsets: Int32Array;
  readonly #minima: Int32Array;

  constructor(params: NearDuplicateParams) {
    this.#params = params;
    const size = params.bands * params.rows;
    const random = createRandom("MinHash");
    this.#factors = Int32Array.from({ length: size }, () => random.nextUint32() | 1);
    this.#offsets = Int32Array.from({ length: size }, () => random.nextUint32());
    this.#minima = new Int32Array(size);
  }

  /**
   * The least value of each permutation over a text's shingles, until the next text. Of two texts as great a share agrees as
   * their Jaccard similarity s says, with the deviation √(s(1-s)/k) for k permutations; undefined as with `bandKeys`.
   */
  signature(units: TextUnits): Int32Array | undefined {
    const { shingle } = this.#params;
    if (units.count < shingle) return undefined;
    this.#minima.fill(0x7fffffff);
    for (let at = 0; at + shingle <= units.count; at++) this.#take(shingleHash(units.hashes, at, shingle));
    return this.#minima;
  }

  bandKeys(units: TextUnits): BandKeys | undefined {
    const { bands, rows } = this.#params;
    const minima = this.signature(units);
    if (minima === undefined) return undefined;
    const keys = new Uint32Array(bands * 2);
    for (let band = 0; band < bands; band++) {
      let high = band;
      let low = ~band;
      for (let row = band * rows; row < (band + 1) * rows; row++) {
        const minimum = minima[row] ?? 0;
        high = extendHash(high, minimum);
        low = extendHash(low, finalize(minimum));
      }
      keys[band * 2] = finalize(high);
      keys[band * 2 + 1] = finalize(low);
    }
    return keys;
  }

  /** The inner loop: 112 multiplications a shingle by default. */
  #take(hash: number): void {
    const factors = this.#factors;
    const offsets = this.#offsets;
    const minima = this.#minima;
    for (let index = 0; index < minima.length; index++) {
      const value = (Math.imul(hash, factors[index] as number) + (offsets[index] as number)) | 0;
      if (value < (minima[index] as number)) minima[index] = value;
    }
  }
}

function shingleHash(hashes: Uint32Array, at: number, length: number): number {
  let hash = 0;
  for (let unit = at; unit < at + length; unit++) hash = extendHash(hash, hashes[unit] ?? 0);
  return finalize(hash);
}

/** Band keys of the documents that were kept. The order of documents decides which of two is the duplicate. */
export class BandIndex {
  readonly #bands: readonly GrowingBloomFilter[];

  constructor(bands: number) {
    this.#bands = Array.from({ length: bands }, () => new GrowingBloomFilter(DOCUMENTS_PER_FILTER));
  }

  get bytes(): number {
    return this.#bands.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  has(keys: BandKeys): boolean {
    return this.#bands.some((band, index) => band.has(keys[index * 2] ?? 0, keys[index * 2 + 1] ?? 0));
  }

  add(keys: BandKeys): void {
    for (const [index, band] of this.#bands.entries())
      band.add(keys[index * 2] ?? 0, keys[index * 2 + 1] ?? 0);
  }
}
