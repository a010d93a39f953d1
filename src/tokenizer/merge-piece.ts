/**
 * Applies BPE merges to one piece: the pair of lowest rank first, of equals the leftmost (Sennrich et al., ACL 2016).
 * Short pieces are searched from left to right at every step; long ones go through a heap, so that a piece of a
 * megabyte takes n log n steps and not n².
 */
import { NumberHeap } from "./number-heap.ts";
import { PairTable } from "./pair-table.ts";

/** Where searching is still faster than keeping a heap; both give the same tokens. */
const longestSearched = 96;
const noMerge = 0x7fffffff;
/** More bytes than a piece can have (a string has less than 2^30 units); times a rank still exact in a double. */
const maxPieceBytes = 2 ** 32;

export class PieceMerger {
  /** Pair of ids → rank. */
  readonly #ranks: PairTable;
  /** Rank → id of the merged token. */
  readonly #merged: Uint32Array;
  readonly #pairRanks = new Int32Array(longestSearched);

  constructor(merges: readonly (readonly [first: number, second: number, merged: number])[]) {
    this.#ranks = new PairTable(merges.length);
    this.#merged = Uint32Array.from(merges, ([, , merged]) => merged);
    for (const [rank, [first, second]] of merges.entries()) this.#ranks.set(first, second, rank);
  }

  /** Merges ids[0, length) in place and returns the new length. */
  merge(ids: Uint32Array, length: number): number {
    return length <= longestSearched ? this.#mergeBySearch(ids, length) : this.#mergeByHeap(ids, length);
  }

  #rank(first: number, second: number): number {
    const rank = this.#ranks.get(first, second);
    return rank < 0 ? noMerge : rank;
  }

  #mergeBySearch(ids: Uint32Array, pieceLength: number): number {
    let length = pieceLength;
    // ranks[i]: rank of the pair that starts at i.
    const ranks = this.#pairRanks;
    for (let i = 0; i + 1 < length; i++) ranks[i] = this.#rank(ids[i] as number, ids[i + 1] as number);
    for (;;) {
      let best = noMerge;
      let at = 0;
      for (let i = 0; i + 1 < length; i++) {
        const rank = ranks[i] as number;
        if (rank < best) {
          best = rank;
          at = i;
        }
      }
      if (best === noMerge) return length;
      const merged = this.#merged[best] as number;
      ids[at] = merged;
      length--;
      for (let i = at + 1; i < length; i++) {
        ids[i] = ids[i + 1] as number;
        ranks[i] = ranks[i + 1] as number;
      }
      if (at > 0) ranks[at - 1] = this.#rank(ids[at - 1] as number, merged);
      if (at + 1 < length) ranks[at] = this.#rank(merged, ids[at + 1] as number);
    }
  }

  #mergeByHeap(ids: Uint32Array, length: number): number {
    const gone = 0xffffffff;
    const next = Uint32Array.from({ length }, (_, i) => i + 1);
    const previous = Int32Array.from({ length }, (_, i) => i - 1);
    const heap = new NumberHeap();
    const queue = (at: number) => {
      const right = next[at] as number;
      if (right >= length) return;
      const rank = this.#rank(ids[at] as number, ids[right] as number);
      // One number orders by rank, then by place.
      if (rank !== noMerge) heap.push(rank * maxPieceBytes + at);
    };
    for (let i = 0; i + 1 < length; i++) queue(i);

    for (let key = heap.pop(); key !== undefined; key = heap.pop()) {
      const at = key % maxPieceBytes;
      const rank = Math.floor(key / maxPieceBytes);
      const right = next[at] as number;
      // The pair may have been merged with a neighbour since it was queued.
      if (ids[at] === gone || right >= length) continue;
      if (this.#rank(ids[at] as number, ids[right] as number) !== rank) continue;
      ids[at] = this.#merged[rank] as number;
      ids[right] = gone;
      const after = next[right] as number;
      next[at] = after;
      if (after < length) previous[after] = at;
      const before = previous[at] as number;
      if (before >= 0) queue(before);
      queue(at);
    }
    let kept = 0;
    for (let i = 0; i < length; i++) if (ids[i] !== gone) ids[kept++] = ids[i] as number;
    return kept;
  }
}
