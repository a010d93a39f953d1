/**
 * A hash table of pieces keyed by stretches of a text, without cutting them out as strings: their UTF-16 units are
 * kept in one arena. Entries are numbered 0, 1, 2 … in the order of their first appearance. The caller keeps what
 * belongs to an entry in arrays of its own.
 */
import { mixBits } from "../std/mix-bits.ts";
import { grown } from "./grown.ts";

const empty = -1;

/** A table's arrays, as they are sent from thread to thread. */
export interface PieceTableParts {
  readonly size: number;
  readonly slots: Int32Array<ArrayBuffer>;
  readonly hashes: Int32Array<ArrayBuffer>;
  readonly starts: Uint32Array<ArrayBuffer>;
  readonly units: Uint16Array<ArrayBuffer>;
}

export class PieceTable {
  #size = 0;
  #slots = new Int32Array(1 << 12).fill(empty);
  #hashes = new Int32Array(1 << 11);
  /** Entry e holds units [#starts[e], #starts[e + 1]). */
  #starts = new Uint32Array((1 << 11) + 1);
  #units = new Uint16Array(1 << 14);

  static from({ size, slots, hashes, starts, units }: PieceTableParts): PieceTable {
    const table = new PieceTable();
    table.#size = size;
    table.#slots = slots;
    table.#hashes = hashes;
    table.#starts = starts;
    table.#units = units;
    return table;
  }

  /** The arrays themselves, not copies. */
  get parts(): PieceTableParts {
    return {
      size: this.#size,
      slots: this.#slots,
      hashes: this.#hashes,
      starts: this.#starts,
      units: this.#units,
    };
  }

  get size(): number {
    return this.#size;
  }

  /** UTF-16 units that the table keeps. */
  get unitCount(): number {
    return this.#starts[this.#size] as number;
  }

  /** Entry of text[start, end), or -1. `hash` is `pieceHash` of it. */
  find(text: string, start: number, end: number, hash: number): number {
    return this.#slots[this.#slotOf(text, start, end, hash)] as number;
  }

  /** Entry of text[start, end), added if it is new. */
  add(text: string, start: number, end: number, hash = pieceHash(text, start, end)): number {
    const slot = this.#slotOf(text, start, end, hash);
    const found = this.#slots[slot] as number;
    if (found !== empty) return found;

    const unitStart = this.#starts[this.#size] as number;
    const entry = this.#append(slot, hash, end - start);
    for (let i = start; i < end; i++) this.#units[unitStart + i - start] = text.charCodeAt(i);
    return entry;
  }

  /** Entry of the piece that is `otherEntry` in another table, added if it is new. */
  addFrom(other: PieceTable, otherEntry: number): number {
    const hash = other.#hashes[otherEntry] as number;
    const from = other.#starts[otherEntry] as number;
    const length = (other.#starts[otherEntry + 1] as number) - from;
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] as number;
      if (entry === empty) {
        const unitStart = this.#starts[this.#size] as number;
        const added = this.#append(slot, hash, length);
        for (let i = 0; i < length; i++) this.#units[unitStart + i] = other.#units[from + i] as number;
        return added;
      }
      if (this.#hashes[entry] === hash && this.#equalsPiece(entry, other, from, length)) return entry;
    }
  }

  /** A new entry with room for `length` units, in the free slot of its hash. */
  #append(slot: number, hash: number, length: number): number {
    const entry = this.#size++;
    const unitEnd = (this.#starts[entry] as number) + length;
    if (unitEnd > 0xffffffff) throw new RangeError("A piece table holds at most 2^32 UTF-16 units.");
    this.#units = grown(this.#units, unitEnd);
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

  #equalsPiece(entry: number, other: PieceTable, otherStart: number, length: number): boolean {
    const from = this.#starts[entry] as number;
    if ((this.#starts[entry + 1] as number) - from !== length) return false;
    for (let i = 0; i < length; i++) if (this.#units[from + i] !== other.#units[otherStart + i]) return false;
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

/** Multiplicative hash of text[start, end), its bits made even. */
export function pieceHash(text: string, start: number, end: number): number {
  let hash = end - start;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x9e3779b1);
  return mixBits(hash);
}
