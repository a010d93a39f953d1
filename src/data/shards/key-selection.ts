/**
 * Takes items by ascending 32-bit key until a quota of tokens is filled, without keeping or sorting them: the cut is
 * found by counting tokens in 65,536 buckets of the key's upper half, then in as many of the lower half within the
 * bucket that the cut falls into (one digit at a time, as in radix selection). Of items with the very key of the cut,
 * the first are taken.
 *
 * Every item is shown three times, in the same order: to `count`, after `setQuota` to `count` again, and to `take`.
 */
const buckets = 1 << 16;

export class KeySelection {
  readonly #counts = new Float64Array(buckets);
  #available = 0;
  #quota = 0;
  /** Upper half of the cut's key; all keys until the quota is known, no key where everything is taken. */
  #upper: "all" | number | undefined = "all";
  #belowUpper = 0;
  #cut: number | undefined;
  /** Tokens that items of the cut's key may still fill. */
  #left = 0;

  /** Tokens of all items. */
  get available(): number {
    return this.#available;
  }

  count(key: number, tokens: number): void {
    const upper = key >>> 16;
    if (this.#upper === "all") {
      this.#counts[upper] = (this.#counts[upper] as number) + tokens;
      this.#available += tokens;
    } else if (upper === this.#upper) {
      const lower = key & 0xffff;
      this.#counts[lower] = (this.#counts[lower] as number) + tokens;
    }
  }

  setQuota(tokens: number): void {
    this.#quota = tokens;
    const { bucket, before } = this.#bucketAt(tokens);
    this.#upper = bucket;
    this.#belowUpper = before;
    this.#counts.fill(0);
  }

  take(key: number, tokens: number): boolean {
    if (this.#upper === undefined) return true;
    this.#cut ??= this.#findCut(this.#upper as number);
    if (key !== this.#cut) return key < this.#cut;
    if (this.#left <= 0) return false;
    this.#left -= tokens;
    return true;
  }

  #findCut(upper: number): number {
    const { bucket = 0xffff, before } = this.#bucketAt(this.#quota - this.#belowUpper);
    this.#left = this.#quota - this.#belowUpper - before;
    return upper * buckets + bucket;
  }

  /** The first bucket that brings the sum to `tokens`, and the tokens before it; no bucket where all do not. */
  #bucketAt(tokens: number): { readonly bucket: number | undefined; readonly before: number } {
    let before = 0;
    for (let bucket = 0; bucket < buckets; bucket++) {
      const count = this.#counts[bucket] as number;
      if (before + count >= tokens) return { bucket, before };
      before += count;
    }
    return { bucket: undefined, before };
  }
}
