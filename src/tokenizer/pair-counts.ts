/**
 * How often each pair of token ids stands side by side in the training words, kept up to date while they change. A
 * pair is formed only in the step that makes the newer of its two ids; later its count can but fall, so what starts
 * below the minimum frequency is never queued.
 *
 * With a pair go the places where it was formed. In a short word that is the word, which a merge then reads whole; in
 * a long one it is the occurrence, so that a merge costs what it changes and not the length of the word.
 */
import { grown } from "./grown.ts";
import { PairQueue } from "./pair-queue.ts";
import { PairTable } from "./pair-table.ts";
import type { TrainingWords } from "./training-words.ts";

export class PairCounts {
  readonly queue = new PairQueue();
  readonly #words: TrainingWords;
  readonly #minFrequency: number;
  readonly #numbers = new PairTable(1 << 16);
  #size = 0;
  // By number of the pair.
  #firsts = new Uint32Array(1 << 12);
  #seconds = new Uint32Array(1 << 12);
  #counts = new Float64Array(1 << 12);
  #lastVisits = new Uint32Array(1 << 12);
  #newPlaces = new Uint32Array(1 << 12);
  // Pairs formed since the last flush: (pair, place), each once, and the distinct pairs among them.
  #formedSize = 0;
  #formedPairs = new Uint32Array(1 << 12);
  #formedPlaces = new Uint32Array(1 << 12);
  #formedDistinct: number[] = [];
  /** Counts visits to short words and to occurrences in long ones, so that each is listed once for each pair. */
  #visit = 0;
  #symbolsRead = 0;

  constructor(words: TrainingWords, minFrequency: number) {
    this.#words = words;
    this.#minFrequency = minFrequency;
  }

  /** Symbols that merges have looked at: their cost. */
  get symbolsRead(): number {
    return this.#symbolsRead;
  }

  count(first: number, second: number): number {
    return this.#counts[this.#numberOf(first, second)] as number;
  }

  /**
   * Counts and queues all pairs of the words as they are at first. In two passes, so that the places, which are most of
   * the memory of training, are written where they stay.
   */
  countAll(): void {
    let total = 0;
    this.#forEachSymbol((first, second, _place, count) => {
      const pair = this.#numberOf(first, second);
      this.#counts[pair] = (this.#counts[pair] as number) + count;
      if (this.#visits(pair)) this.#newPlaces[pair] = (this.#newPlaces[pair] as number) + 1;
    });
    const queued = (pair: number) => (this.#counts[pair] as number) >= this.#minFrequency;
    for (let pair = 0; pair < this.#size; pair++) if (queued(pair)) total += this.#newPlaces[pair] as number;
    this.queue.reserve(total);
    const rooms = Array.from({ length: this.#size }, (_, pair) =>
      queued(pair) ? this.#push(pair, this.#newPlaces[pair] as number) : undefined,
    );
    this.#newPlaces.fill(0);
    this.#forEachSymbol((first, second, place) => {
      const pair = this.#numberOf(first, second);
      const room = rooms[pair];
      if (room === undefined || !this.#visits(pair)) return;
      const at = this.#newPlaces[pair] as number;
      room[at] = place;
      this.#newPlaces[pair] = at + 1;
    });
    this.#newPlaces.fill(0);
  }

  /** Each symbol that another one follows, while all are single bytes; a visit to each place. */
  #forEachSymbol(onSymbol: (first: number, second: number, place: number, count: number) => void): void {
    const { symbols, starts, lengths, counts, long } = this.#words;
    for (let word = 0; word < lengths.length; word++) {
      this.#visit++;
      const start = starts[word] as number;
      const end = start + (lengths[word] as number);
      for (let i = start; i + 1 < end; i++)
        onSymbol(symbols[i] as number, symbols[i + 1] as number, word, counts[word] as number);
    }
    long.forEachSymbol((position, symbol, next, count) => {
      this.#visit++;
      onSymbol(symbol, next, lengths.length + position, count);
    });
  }

  /** Whether the place that is visited was not yet listed for a pair; it then is. */
  #visits(pair: number): boolean {
    if (this.#lastVisits[pair] === this.#visit) return false;
    this.#lastVisits[pair] = this.#visit;
    return true;
  }

  /** Queues a pair with its count; gives the room for its places. */
  #push(pair: number, placeCount: number): Uint32Array {
    const [first, second] = [this.#firsts[pair] as number, this.#seconds[pair] as number];
    return this.queue.push(first, second, this.#counts[pair] as number, placeCount);
  }

  /** Takes the top of the queue, (first, second), and merges it where it was formed. */
  merge(first: number, second: number, merged: number): void {
    const wordCount = this.#words.lengths.length;
    this.#words.long.setWidth(merged, first, second);
    for (const place of this.queue.pop()) {
      if (place < wordCount) this.#mergeInWord(place, first, second, merged);
      else this.#mergeInLongWord(place - wordCount, first, second, merged);
    }
    this.#flush();
  }

  #mergeInWord(word: number, first: number, second: number, merged: number): void {
    const { symbols, starts, lengths, counts } = this.#words;
    this.#visit++;
    const start = starts[word] as number;
    const end = start + (lengths[word] as number);
    const count = counts[word] as number;
    this.#symbolsRead += end - start;
    let to = start;
    for (let from = start; from < end;) {
      const symbol = symbols[from] as number;
      if (symbol !== first || from + 1 >= end || symbols[from + 1] !== second) {
        symbols[to++] = symbol;
        from++;
        continue;
      }
      if (to > start) {
        const previous = symbols[to - 1] as number;
        this.#dissolve(previous, first, count);
        this.#form(previous, merged, word, count);
      }
      if (from + 2 < end) {
        const next = symbols[from + 2] as number;
        this.#dissolve(second, next, count);
        this.#form(merged, next, word, count);
      }
      symbols[to++] = merged;
      from += 2;
    }
    lengths[word] = to - start;
  }

  #mergeInLongWord(position: number, first: number, second: number, merged: number): void {
    const { long, lengths } = this.#words;
    this.#symbolsRead += 4;
    if (!long.holds(position, first, second)) return; // one of the two was merged with another since
    const count = long.countAt(position);
    const previous = long.previous(position);
    if (previous >= 0) {
      const symbol = long.symbolAt(previous);
      this.#visit++;
      this.#dissolve(symbol, first, count);
      this.#form(symbol, merged, lengths.length + previous, count);
    }
    const next = long.join(position, first, second, merged);
    if (next >= 0) {
      const symbol = long.symbolAt(next);
      this.#visit++;
      this.#dissolve(second, symbol, count);
      this.#form(merged, symbol, lengths.length + position, count);
    }
  }

  #dissolve(first: number, second: number, count: number): void {
    const pair = this.#numberOf(first, second);
    this.#counts[pair] = (this.#counts[pair] as number) - count;
  }

  #form(first: number, second: number, place: number, count: number): void {
    const pair = this.#numberOf(first, second);
    this.#counts[pair] = (this.#counts[pair] as number) + count;
    if (!this.#visits(pair)) return;
    const at = this.#formedSize++;
    if (at >= this.#formedPairs.length) {
      this.#formedPairs = grown(this.#formedPairs, at + 1);
      this.#formedPlaces = grown(this.#formedPlaces, at + 1);
    }
    this.#formedPairs[at] = pair;
    this.#formedPlaces[at] = place;
    const newPlaces = this.#newPlaces[pair] as number;
    if (newPlaces === 0) this.#formedDistinct.push(pair);
    this.#newPlaces[pair] = newPlaces + 1;
  }

  /** Queues the pairs formed since the last call, each with its places. */
  #flush(): void {
    // A counting sort: `slots` becomes the slot of each pair's next place, and at last the end of its places.
    const slots = this.#newPlaces;
    let total = 0;
    for (const pair of this.#formedDistinct) {
      const length = slots[pair] as number;
      slots[pair] = total;
      total += length;
    }
    const sorted = new Uint32Array(total);
    for (let i = 0; i < this.#formedSize; i++) {
      const pair = this.#formedPairs[i] as number;
      const slot = slots[pair] as number;
      slots[pair] = slot + 1;
      sorted[slot] = this.#formedPlaces[i] as number;
    }
    let start = 0;
    for (const pair of this.#formedDistinct) {
      const end = slots[pair] as number;
      slots[pair] = 0;
      if ((this.#counts[pair] as number) >= this.#minFrequency)
        this.#push(pair, end - start).set(sorted.subarray(start, end));
      start = end;
    }
    this.#formedSize = 0;
    this.#formedDistinct = [];
  }

  #numberOf(first: number, second: number): number {
    const found = this.#numbers.get(first, second);
    if (found >= 0) return found;
    const pair = this.#size++;
    if (pair >= this.#counts.length) {
      this.#firsts = grown(this.#firsts, this.#size);
      this.#seconds = grown(this.#seconds, this.#size);
      this.#counts = grown(this.#counts, this.#size);
      this.#lastVisits = grown(this.#lastVisits, this.#size);
      this.#newPlaces = grown(this.#newPlaces, this.#size);
    }
    this.#firsts[pair] = first;
    this.#seconds[pair] = second;
    this.#numbers.set(first, second, pair);
    return pair;
  }
}
