/** Encodes batches of documents on several threads, this one among them, and gives them back in their order. */
import { setImmediate as turn } from "node:timers/promises";
import { WorkerPool } from "../../std/worker-pool.ts";
import type { Encoder } from "../../tokenizer/encoder.ts";
import type { DataDocument } from "../records.ts";
import { createBatchEncoder, type EncodedBatch } from "./encode-batch.ts";

export interface DocumentBatch {
  readonly documents: readonly DataDocument[];
  readonly encoded: EncodedBatch;
}

/**
 * Batches that another thread holds at once: it has two left to go on with while this thread encodes one and writes.
 * They are also what this thread waits for at the end, with nothing else to do.
 */
const ahead = 3;
/** Batches in memory for each thread: with fewer this one would wait while the others start and compile their code. */
const kept = 16;

/**
 * In memory are up to sixteen batches for each thread. Throws TOKENIZER_LOSSY, and what the batches or a thread throw.
 */
export async function* encodeInOrder(
  batches: AsyncIterable<readonly DataDocument[]>,
  encoder: Encoder,
  threads: number,
): AsyncGenerator<DocumentBatch> {
  const url = new URL("./encode-worker.ts", import.meta.url);
  const pool = new WorkerPool<readonly string[], EncodedBatch>(url, threads - 1, encoder.model, { ahead });
  const encode = createBatchEncoder(encoder);
  const pending: Promise<DocumentBatch>[] = [];
  try {
    for await (const documents of batches) {
      const texts = documents.map(({ text }) => text);
      if (pool.hasRoom) {
        const answer = pool.ask(texts).then((encoded) => ({ documents, encoded }));
        answer.catch(() => undefined); // thrown below, when its turn comes
        pending.push(answer);
      } else {
        // The others have enough to do; more than reading and writing is left for this one.
        pending.push(Promise.resolve({ documents, encoded: encode(texts) }));
        await turn(); // and what they have answered meanwhile comes in
      }
      while (pending.length >= kept * threads) yield await (pending.shift() as Promise<DocumentBatch>);
    }
    for (const answer of pending) yield await answer;
  } finally {
    await pool.close();
  }
}
