/**
 * Uniform sampling without replacement, in two passes over a stream and constant memory: each document has a
 * pseudo-random rank in [0, 1) that only its content and the seed decide; the first pass adds up characters by rank,
 * the second keeps the documents below the rank at which the quota is full. So a sample is never a prefix, does not
 * depend on the order of the stream, and a larger quota keeps all that a smaller one did.
 */

const BUCKETS = 1 << 16;

/** For one stratum. */
export class ThresholdSampler {
  readonly #characters = new Float64Array(BUCKETS);
  #available = 0;
  #boundary = 0;
  #quota = 0;
  #kept = 0;

  /** First pass. */
  count(rank: number, characters: number): void {
    const bucket = Math.floor(rank * BUCKETS);
    this.#characters[bucket] = (this.#characters[bucket] ?? 0) + characters;
    this.#available += characters;
  }

  get available(): number {
    return this.#available;
  }

  /** Between the passes: how many characters to keep. */
  setQuota(characters: number): void {
    this.#quota = characters;
    let sum = 0;
    for (this.#boundary = 0; this.#boundary < BUCKETS; this.#boundary++) {
      sum += this.#characters[this.#boundary] ?? 0;
      if (sum >= characters) return;
    }
  }

  /**
   * Second pass: whether a document of this rank belongs to the sample. Documents in the one bucket that the quota cuts
   * (1 of 65,536) do until the quota is full; it is exceeded by less than one document.
   */
  admits(rank: number): boolean {
    return Math.floor(rank * BUCKETS) <= this.#boundary && this.#kept < this.#quota;
  }

  /** An admitted document was kept; one that turned out to be a duplicate is not counted. */
  keep(characters: number): void {
    this.#kept += characters;
  }
}
