/**
 * Applies BPE merges to one piece: the pair of lowest rank first, of equals the leftmost (Sennrich et al., ACL 2016).
 * Short pieces are searched from left to right at every step; long ones go through a heap, so that a piece of a
 * megabyte takes n log n steps and not n².
 */
import { isUtf8Byte } from "./byte-alphabet.ts";
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
  /** (256, 256) The rank of every pair of bytes, which is where every piece begins. */
  readonly #byteRanks: Int32Array;
  readonly #byteIds: Uint32Array;
  readonly #pairRanks = new Int32Array(longestSearched);

  /** `byteIds`: (256) The token of each byte of UTF-8; of others, anything. */
  constructor(
    merges: readonly (readonly [first: number, second: number, merged: number])[],
    byteIds: Uint32Array,
  ) {
    this.#ranks = new PairTable(merges.length);
    this.#merged = Uint32Array.from(merges, ([, , merged]) => merged);
    this.#byteIds = byteIds;
    this.#byteRanks = new Int32Array(1 << 16).fill(noMerge);
    const byteOf = new Map<number, number>();
    // Bytes that no text has share an id with one that it has.
    for (const [byte, id] of byteIds.entries()) if (isUtf8Byte(byte)) byteOf.set(id, byte);
    for (const [rank, [first, second]] of merges.entries()) {
      this.#ranks.set(first, second, rank);
      const [high, low] = [byteOf.get(first), byteOf.get(second)];
      if (high !== undefined && low !== undefined) this.#byteRanks[(high << 8) | low] = rank;
    }
  }

  /** Leaves the tokens of bytes[0, length) in `ids` and returns how many. */
  merge(bytes: Uint8Array, length: number, ids: Uint32Array): number {
    for (let i = 0; i < length; i++) ids[i] = this.#byteIds[bytes[i] as number] as number;
    return length <= longestSearched
      ? this.#mergeBySearch(bytes, length, ids)
      : this.#mergeByHeap(ids, length);
  }

  #rank(first: number, second: number): number {
    const rank = this.#ranks.get(first, second);
    return rank < 0 ? noMerge : rank;
  }

  #mergeBySearch(bytes: Uint8Array, pieceLength: number, ids: Uint32Array): number {
    let length = pieceLength;
    // ranks[i]: rank of the pair that starts at i; the last token starts none.
    const ranks = this.#pairRanks;
    let best = noMerge;
    let at = 0;
    for (let i = 0; i + 1 < length; i++) {
      const rank = this.#byteRanks[((bytes[i] as number) << 8) | (bytes[i + 1] as number)] as number;
      ranks[i] = rank;
      if (rank < best) {
        best = rank;
        at = i;
      }
    }
    ranks[length - 1] = noMerge;
    while (best !== noMerge) {
      const merged = this.#merged[best] as number;
      length--;
      ids[at] = merged;
      ranks[at] = at + 1 < length ? this.#rank(merged, ids[at + 2] as number) : noMerge;
      if (at > 0) ranks[at - 1] = this.#rank(ids[at - 1] as number, merged);
      // What follows moves up, and the next best pair is found on the way.
      best = noMerge;
      const last = at;
      for (let i = 0; i <= last; i++) {
        const rank = ranks[i] as number;
        if (rank < best) {
          best = rank;
          at = i;
        }
      }
      for (let i = last + 1; i < length; i++) {
        const rank = ranks[i + 1] as number;
        ids[i] = ids[i + 1] as number;
        ranks[i] = rank;
        if (rank < best) {
          best = rank;
          at = i;
        }
      }
    }
    return length;
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
