/**
 * Hash table from a pair of token ids to a number, in one typed array: encoding looks up a merge's rank, training a
 * pair's place. Open addressing with linear probing (Knuth, TAOCP 3, 6.4); nothing is ever removed.
 */

/** Per slot: first id, second id, value, and 1 where the slot is taken. */
const stride = 4;

export class PairTable {
  #size = 0;
  #mask: number;
  #slots: Int32Array<ArrayBuffer>;

  constructor(expectedSize = 512) {
    let capacity = 1024;
    while (capacity < expectedSize * 2) capacity *= 2;
    this.#mask = capacity - 1;
    this.#slots = new Int32Array(capacity * stride);
  }

  /** The value of a pair, or -1. */
  get(first: number, second: number): number {
    const slots = this.#slots;
    const at = this.#find(first, second);
    return slots[at + 3] === 0 ? -1 : (slots[at + 2] as number);
  }

  /** Sets the value (≥ 0) of a pair. */
  set(first: number, second: number, value: number): void {
    const at = this.#find(first, second);
    const isNew = this.#slots[at + 3] === 0;
    this.#write(at, first, second, value);
    if (isNew && ++this.#size * 2 > this.#mask) this.#grow();
  }

  #find(first: number, second: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    let hash = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b);
    hash ^= hash >>> 15;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const at = slot * stride;
      if (slots[at + 3] === 0 || (slots[at] === first && slots[at + 1] === second)) return at;
    }
  }

  #write(at: number, first: number, second: number, value: number): void {
    this.#slots[at] = first;
    this.#slots[at + 1] = second;
    this.#slots[at + 2] = value;
    this.#slots[at + 3] = 1;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2);
    this.#mask = this.#mask * 2 + 1;
    for (let at = 0; at < old.length; at += stride) {
      if (old[at + 3] === 0) continue;
      const first = old[at] as number;
      const second = old[at + 1] as number;
      this.#write(this.#find(first, second), first, second, old[at + 2] as number);
    }
  }
}
