/**
 * The pairs that training may merge next: a binary heap (Williams, CACM 7(6), 1964, algorithm 232), most frequent
 * first, then the smallest first id, then the smallest second id. With each pair go the places where it was formed (pair-counts.ts).
 * Counts are those of when an entry was pushed; the trainer refreshes the top before it believes it.
 */
import { grown } from "./grown.ts";

/** Ids stay under this, so that a pair of them is an exact integer in a double. */
export const maxTokenId = 2 ** 21;

export class PairQueue {
  #size = 0;
  // The heap, slot by slot.
  #counts = new Float64Array(1 << 12);
  #pairs = new Float64Array(1 << 12);
  #starts = new Uint32Array(1 << 12);
  #lengths = new Uint32Array(1 << 12);
  /** Places of all entries; each has [start, start + length). */
  #places = new Uint32Array(1 << 14);
  #placesUsed = 0;
  #placesLive = 0;

  get size(): number {
    return this.#size;
  }
  get topCount(): number {
    return this.#counts[0] as number;
  }
  get topFirst(): number {
    return Math.floor((this.#pairs[0] as number) / maxTokenId);
  }
  get topSecond(): number {
    return (this.#pairs[0] as number) % maxTokenId;
  }

  /** Makes room for so many places, so that the next pushes of no more than that leave those given before where they are. */
  reserve(placeCount: number): void {
    // A quarter more: by the time that is used up, enough is popped for what remains to be slid together.
    this.#places = grown(this.#places, Math.ceil(1.25 * (this.#placesUsed + placeCount)));
  }

  /** Adds a pair and gives the room for its places, to be filled before the next call. */
  push(first: number, second: number, count: number, placeCount: number): Uint32Array {
    const slot = this.#size++;
    this.#counts = grown(this.#counts, this.#size);
    this.#pairs = grown(this.#pairs, this.#size);
    this.#starts = grown(this.#starts, this.#size);
    this.#lengths = grown(this.#lengths, this.#size);
    this.#lengths[slot] = 0;
    const start = this.#reserve(placeCount);
    this.#starts[slot] = start;
    this.#lengths[slot] = placeCount;
    this.#counts[slot] = count;
    this.#pairs[slot] = first * maxTokenId + second;
    this.#siftUp(slot);
    return this.#places.subarray(start, start + placeCount);
  }

  /** Gives the top another count and lets it sink to where it belongs. */
  refreshTop(count: number): void {
    this.#counts[0] = count;
    this.#siftDown();
  }

  /** Removes the top and gives its places, valid until the next push. */
  pop(): Uint32Array {
    const start = this.#starts[0] as number;
    const length = this.#lengths[0] as number;
    this.#placesLive -= length;
    this.#move(--this.#size, 0);
    this.#siftDown();
    return this.#places.subarray(start, start + length);
  }

  #reserve(length: number): number {
    if (this.#placesUsed + length > this.#places.length) {
      if (this.#placesLive < 0.75 * this.#placesUsed) this.#compact();
      this.#places = grown(this.#places, this.#placesUsed + length);
    }
    const start = this.#placesUsed;
    this.#placesUsed += length;
    this.#placesLive += length;
    return start;
  }

  /** Slides the places of what is still in the heap together, in place. */
  #compact(): void {
    const starts = this.#starts;
    const slots = Uint32Array.from({ length: this.#size }, (_, slot) => slot);
    slots.sort((a, b) => (starts[a] as number) - (starts[b] as number));
    let used = 0;
    for (const slot of slots) {
      const start = starts[slot] as number;
      const length = this.#lengths[slot] as number;
      this.#places.copyWithin(used, start, start + length);
      starts[slot] = used;
      used += length;
    }
    this.#placesUsed = used;
  }

  /** Whether an entry of this count and pair comes before the one in a slot. */
  #precedes(count: number, pair: number, slot: number): boolean {
    const otherCount = this.#counts[slot] as number;
    return count > otherCount || (count === otherCount && pair < (this.#pairs[slot] as number));
  }

  #move(from: number, to: number): void {
    this.#counts[to] = this.#counts[from] as number;
    this.#pairs[to] = this.#pairs[from] as number;
    this.#starts[to] = this.#starts[from] as number;
    this.#lengths[to] = this.#lengths[from] as number;
  }

  #siftUp(slot: number): void {
    const count = this.#counts[slot] as number;
    const pair = this.#pairs[slot] as number;
    const start = this.#starts[slot] as number;
    const length = this.#lengths[slot] as number;
    let at = slot;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#precedes(count, pair, parent)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#place(at, count, pair, start, length);
  }

  #siftDown(): void {
    const count = this.#counts[0] as number;
    const pair = this.#pairs[0] as number;
    const start = this.#starts[0] as number;
    const length = this.#lengths[0] as number;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      const right = child + 1;
      if (
        right < this.#size &&
        this.#precedes(this.#counts[right] as number, this.#pairs[right] as number, child)
      ) {
        child = right;
      }
      const childCount = this.#counts[child] as number;
      if (childCount < count || (childCount === count && (this.#pairs[child] as number) >= pair)) break;
      this.#move(child, at);
      at = child;
    }
    this.#place(at, count, pair, start, length);
  }

  #place(at: number, count: number, pair: number, start: number, length: number): void {
    this.#counts[at] = count;
    this.#pairs[at] = pair;
    this.#starts[at] = start;
    this.#lengths[at] = length;
  }
}
