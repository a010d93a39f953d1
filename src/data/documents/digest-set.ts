/**
 * A set of content digests for exact deduplication: open addressing over the first 64 bits of each digest, 8 bytes a
 * slot, at most half full; 10 million documents take 256 MiB at most. Two different texts collide with chance
 * n²/2⁶⁵ (n = 10⁷: three in a million).
 */
export class DigestSet {
  #slots: Uint32Array;
  #size = 0;

  constructor(initialCapacity = 1024) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(2, initialCapacity * 2)));
    this.#slots = new Uint32Array(slots * 2);
  }

  get size(): number {
    return this.#size;
  }

  /** True where the digest was not there yet. At least 8 bytes. */
  add(digest: Uint8Array): boolean {
    const view = new DataView(digest.buffer, digest.byteOffset, digest.byteLength);
    const high = view.getUint32(0);
    const low = view.getUint32(4) | 1; // an empty slot is all zeros; costs one bit
    if (!insert(this.#slots, high, low >>> 0)) return false;
    this.#size++;
    if (this.#size * 4 > this.#slots.length) this.#grow();
    return true;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += 2) {
      const low = old[at + 1] ?? 0;
      if (low !== 0) insert(this.#slots, old[at] ?? 0, low);
    }
  }
}

/** Linear probing (Knuth, TAOCP vol. 3, 6.4, algorithm L). */
function insert(slots: Uint32Array, high: number, low: number): boolean {
  const mask = slots.length / 2 - 1;
  for (let slot = high & mask; ; slot = (slot + 1) & mask) {
    const at = slot * 2;
    if (slots[at + 1] === 0) {
      slots[at] = high;
      slots[at + 1] = low;
      return true;
    }
    if (slots[at] === high && slots[at + 1] === low) return false;
  }
}
