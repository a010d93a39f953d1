/**
 * A hash table of pieces keyed by stretches of a text, without cutting them out as strings: their UTF-16 units are
 * kept in one arena. Entries are numbered 0, 1, 2 … in the order of their first appearance. The caller keeps what
 * belongs to an entry in arrays of its own.
 */
import { mixBits } from "../std/mix-bits.ts";
import { grown } from "./grown.ts";

const empty = -1;

export class PieceTable {
  #size = 0;
  #slots = new Int32Array(1 << 12).fill(empty);
  #hashes = new Int32Array(1 << 11);
  /** Entry e holds units [#starts[e], #starts[e + 1]). */
  #starts = new Uint32Array((1 << 11) + 1);
  #units = new Uint16Array(1 << 14);

  get size(): number {
    return this.#size;
  }

  /** UTF-16 units that the table keeps. */
  get unitCount(): number {
    return this.#starts[this.#size] as number;
  }

  /** Entry of text[start, end), or -1. */
  find(text: string, start: number, end: number): number {
    return this.#slots[this.#slotOf(text, start, end, hashOf(text, start, end))] as number;
  }

  /** Entry of text[start, end), added if it is new. */
  add(text: string, start: number, end: number): number {
    const hash = hashOf(text, start, end);
    const slot = this.#slotOf(text, start, end, hash);
    const found = this.#slots[slot] as number;
    if (found !== empty) return found;

    const entry = this.#size++;
    const unitStart = this.#starts[entry] as number;
    const unitEnd = unitStart + end - start;
    if (unitEnd > 0xffffffff) throw new RangeError("A piece table holds at most 2^32 UTF-16 units.");
    this.#units = grown(this.#units, unitEnd);
    for (let i = start; i < end; i++) this.#units[unitStart + i - start] = text.charCodeAt(i);
    this.#hashes = grown(this.#hashes, entry + 1);
    this.#hashes[entry] = hash;
    this.#starts = grown(this.#starts, entry + 2);
    this.#starts[entry + 1] = unitEnd;
    this.#slots[slot] = entry;
    if (this.#size * 2 > this.#slots.length) this.#rehash(this.#slots.length * 2);
    return entry;
  }

  /** The piece itself. */
  text(entry: number): string {
    const end = this.#starts[entry + 1] as number;
    let text = "";
    for (let at = this.#starts[entry] as number; at < end; at += 0x2000) {
      text += String.fromCharCode(...this.#units.subarray(at, Math.min(end, at + 0x2000)));
    }
    return text;
  }

  clear(): void {
    this.#size = 0;
    this.#slots.fill(empty);
  }

  /** The slot that holds the piece, or the free one where it belongs. */
  #slotOf(text: string, start: number, end: number, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot] as number;
      if (entry === empty) return slot;
      if (this.#hashes[entry] === hash && this.#equals(entry, text, start, end)) return slot;
    }
  }

  #equals(entry: number, text: string, start: number, end: number): boolean {
    const from = this.#starts[entry] as number;
    if ((this.#starts[entry + 1] as number) - from !== end - start) return false;
    const units = this.#units;
    for (let i = start, at = from; i < end; i++, at++) if (units[at] !== text.charCodeAt(i)) return false;
    return true;
  }

  #rehash(capacity: number): void {
    const slots = new Int32Array(capacity).fill(empty);
    const mask = capacity - 1;
    for (let entry = 0; entry < this.#size; entry++) {
      let slot = (this.#hashes[entry] as number) & mask;
      while (slots[slot] !== empty) slot = (slot + 1) & mask;
      slots[slot] = entry;
    }
    this.#slots = slots;
  }
}

/** Multiplicative hash, its bits made even. */
function hashOf(text: string, start: number, end: number): number {
  let hash = end - start;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x9e3779b1);
  return mixBits(hash);
}
