/**
 * Counts the distinct pieces of a stream of texts, in threads that each count some of the texts; memory grows with the
 * distinct pieces, not with the texts. The counts are the same with any number of threads; the order of the entries is
 * not, and training does not look at it.
 */
import { batchBySize } from "../std/batch-by-size.ts";
import { mapInOrder, WorkerPool } from "../std/worker-pool.ts";
import { PieceCounter, type PieceCounts, type PieceCountsParts } from "./piece-counter.ts";
import { createPieceEnd } from "./split-pieces.ts";
import type { SplitRule } from "./split-pattern.ts";

/** UTF-16 units that a thread is handed in one go. */
const batchCharacters = 1 << 18;

/** Texts to count, or "counts" for what has been counted; answered with that, or with nothing. */
export type CountRequest = readonly string[] | "counts";

/** `workers`: threads that count; with one, this thread does. */
export async function countPieces(
  texts: AsyncIterable<string> | Iterable<string>,
  { splitPattern, splitDigits }: SplitRule,
  workers = 1,
): Promise<PieceCounts> {
  const rule: SplitRule = { splitPattern, splitDigits };
  if (workers > 1) return countInThreads(texts, rule, workers);
  const pieceEnd = createPieceEnd(rule);
  const counter = new PieceCounter();
  for await (const text of texts) counter.addText(text, pieceEnd);
  return counter;
}

async function countInThreads(
  texts: AsyncIterable<string> | Iterable<string>,
  rule: SplitRule,
  workers: number,
): Promise<PieceCounts> {
  const url = new URL("./count-pieces-worker.ts", import.meta.url);
  const pool = new WorkerPool<CountRequest, PieceCountsParts | undefined>(url, workers, rule);
  try {
    const batches = batchBySize(texts, (text) => text.length, batchCharacters);
    for await (const _ of mapInOrder(batches, 2 * workers, (batch) => pool.ask(batch)));
    const counted = (await pool.askEach("counts")).filter((parts) => parts !== undefined);
    // The largest takes in the others, each of which is then let go.
    counted.sort((a, b) => a.pieces.size - b.pieces.size);
    const all = new PieceCounter(counted.pop());
    for (let parts = counted.pop(); parts !== undefined; parts = counted.pop())
      all.addCounts(new PieceCounter(parts));
    return all;
  } finally {
    await pool.close();
  }
}
