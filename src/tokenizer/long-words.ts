/**
 * Training words too long to be read whole at every merge: token ids in place of their bytes. A token of n bytes holds n
 * cells and stands in the first and the last of them, like the boundary tags of an allocator (Knuth, TAOCP 1, 2.5), so
 * both neighbours are found in one step. Ids only rise where tokens are joined, so a cell that is no longer the start
 * of a token never shows the id that it showed as a start: what was noted of it then is seen to be outdated.
 */

/** Words of more bytes than this are long. */
export const longWordBytes = 1024;

export class LongWords {
  readonly #cells: Uint32Array;
  /** Word w has cells [ends[w - 1], ends[w]). */
  readonly #ends: readonly number[];
  readonly #counts: readonly number[];
  /** Bytes of a token by its id; single bytes, which alone are there at first, are not listed. */
  readonly #widths: number[] = [];
  /** The word of the last position that was asked for. */
  #word = 0;

  /** `cells`: the ids of the words' bytes, one word after the other; `counts`: occurrences of each word. */
  constructor(cells: Uint32Array, ends: readonly number[], counts: readonly number[]) {
    this.#cells = cells;
    this.#ends = ends;
    this.#counts = counts;
  }

  /** Calls back for each symbol that another one follows, while all are still single bytes. */
  forEachSymbol(onSymbol: (position: number, symbol: number, next: number, count: number) => void): void {
    for (let position = 0; position + 1 < this.#cells.length; position++) {
      const word = this.#wordOf(position);
      if (position + 1 >= (this.#ends[word] as number)) continue;
      onSymbol(position, this.symbolAt(position), this.symbolAt(position + 1), this.#counts[word] as number);
    }
  }

  setWidth(merged: number, first: number, second: number): void {
    this.#widths[merged] = this.#widthOf(first) + this.#widthOf(second);
  }

  /** The token that starts at a position. */
  symbolAt(position: number): number {
    return this.#cells[position] as number;
  }

  /** Occurrences of the word around a position. */
  countAt(position: number): number {
    return this.#counts[this.#wordOf(position)] as number;
  }

  /** Whether `first` still starts at a position, and `second` follows it. */
  holds(position: number, first: number, second: number): boolean {
    if (this.#cells[position] !== first) return false;
    const next = position + this.#widthOf(first);
    return next < this.#endAt(position) && this.#cells[next] === second;
  }

  /** Where the token before the one at a position starts, or -1. */
  previous(position: number): number {
    const word = this.#wordOf(position);
    const start = word === 0 ? 0 : (this.#ends[word - 1] as number);
    return position === start ? -1 : position - this.#widthOf(this.#cells[position - 1] as number);
  }

  /** Puts `merged` in the place of `first` and `second`; gives where the token after them starts, or -1. */
  join(position: number, first: number, second: number, merged: number): number {
    const middle = position + this.#widthOf(first);
    const end = middle + this.#widthOf(second);
    this.#cells[position] = merged;
    this.#cells[middle] = merged;
    this.#cells[end - 1] = merged;
    return end < this.#endAt(position) ? end : -1;
  }

  #widthOf(id: number): number {
    return this.#widths[id] ?? 1;
  }

  #endAt(position: number): number {
    return this.#ends[this.#wordOf(position)] as number;
  }

  /** By binary search, unless it is the word that was asked for before. */
  #wordOf(position: number): number {
    const ends = this.#ends;
    const known = this.#word;
    if (position < (ends[known] as number) && (known === 0 || position >= (ends[known - 1] as number)))
      return known;
    let [low, high] = [0, ends.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (position < (ends[middle] as number)) high = middle;
      else low = middle + 1;
    }
    this.#word = low;
    return low;
  }
}
