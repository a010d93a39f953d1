/** Distinct pieces of texts and how often each occurs: what one thread counts, and how the threads' counts are added. */
import { grown } from "./grown.ts";
import { PieceTable, type PieceTableParts } from "./piece-table.ts";
import type { PieceEnd } from "./split-pieces.ts";

export interface PieceCounts {
  readonly pieces: PieceTable;
  /** Occurrences of each entry of `pieces`; more numbers may follow. */
  readonly counts: Float64Array<ArrayBuffer>;
  readonly texts: number;
}

/** Counts as they are sent from thread to thread. */
export interface PieceCountsParts {
  readonly pieces: PieceTableParts;
  readonly counts: Float64Array<ArrayBuffer>;
  readonly texts: number;
}

export class PieceCounter implements PieceCounts {
  readonly pieces: PieceTable;
  #counts: Float64Array<ArrayBuffer>;
  #texts: number;

  constructor(parts?: PieceCountsParts) {
    this.pieces = parts === undefined ? new PieceTable() : PieceTable.from(parts.pieces);
    this.#counts = parts?.counts ?? new Float64Array(1 << 11);
    this.#texts = parts?.texts ?? 0;
  }

  get counts(): Float64Array<ArrayBuffer> {
    return this.#counts;
  }
  get texts(): number {
    return this.#texts;
  }
  /** The arrays themselves, not copies. */
  get parts(): PieceCountsParts {
    return { pieces: this.pieces.parts, counts: this.#counts, texts: this.#texts };
  }

  addText(text: string, pieceEnd: PieceEnd): void {
    this.#texts++;
    for (let start = 0; start < text.length;) {
      const end = pieceEnd(text, start);
      this.#add(this.pieces.add(text, start, end), 1);
      start = end;
    }
  }

  addCounts({ pieces, counts, texts }: PieceCounts): void {
    this.#texts += texts;
    for (let entry = 0; entry < pieces.size; entry++)
      this.#add(this.pieces.addFrom(pieces, entry), counts[entry] as number);
  }

  #add(entry: number, count: number): void {
    this.#counts = grown(this.#counts, entry + 1);
    this.#counts[entry] = (this.#counts[entry] as number) + count;
  }
}
