/** Counts the distinct pieces of a stream of texts; memory grows with the distinct pieces, not with the texts. */
import { grown } from "./grown.ts";
import { PieceTable } from "./piece-table.ts";
import type { PieceEnd } from "./split-pieces.ts";

export interface PieceCounts {
  readonly pieces: PieceTable;
  /** Occurrences of each entry of `pieces`; longer than it is. */
  readonly counts: Float64Array;
  readonly texts: number;
}

export async function countPieces(
  texts: AsyncIterable<string> | Iterable<string>,
  pieceEnd: PieceEnd,
): Promise<PieceCounts> {
  const pieces = new PieceTable();
  let counts = new Float64Array(1 << 11);
  let textCount = 0;
  for await (const text of texts) {
    textCount++;
    for (let start = 0; start < text.length;) {
      const end = pieceEnd(text, start);
      const entry = pieces.add(text, start, end);
      counts = grown(counts, entry + 1);
      counts[entry] = (counts[entry] as number) + 1;
      start = end;
    }
  }
  return { pieces, counts, texts: textCount };
}
