/** The distinct pieces of a corpus as sequences of token ids, which training shortens merge by merge. */
import type { PieceCounts } from "./piece-counter.ts";
import { writeUtf8 } from "./utf8.ts";

export interface TrainingWords {
  /** Ids of all words, one after the other. */
  readonly symbols: Uint16Array | Uint32Array;
  /** Word w has symbols [starts[w], starts[w] + lengths[w]). */
  readonly starts: Float64Array;
  readonly lengths: Uint32Array;
  /** Occurrences of each word in the corpus. */
  readonly counts: Float64Array;
}

/** `byteIds` gives the token id of each byte. Words of a single byte are left out: nothing can merge in them. */
export function createTrainingWords(
  { pieces, counts: pieceCounts }: PieceCounts,
  byteIds: readonly number[],
  vocabSize: number,
): TrainingWords {
  const size = pieces.size;
  const starts = new Float64Array(size);
  const lengths = new Uint32Array(size);
  // At most three bytes a UTF-16 unit; cut to what was used below.
  let bytes = new Uint8Array(1 << 12);
  let total = 0;
  for (let word = 0; word < size; word++) {
    const text = pieces.text(word);
    if (bytes.length < text.length * 3) bytes = new Uint8Array(text.length * 3);
    const length = writeUtf8(text, 0, text.length, bytes);
    starts[word] = total;
    lengths[word] = length;
    total += length;
  }
  const symbols = vocabSize <= 0x10000 ? new Uint16Array(total) : new Uint32Array(total);
  for (let word = 0; word < size; word++) {
    const text = pieces.text(word);
    const length = writeUtf8(text, 0, text.length, bytes);
    const start = starts[word] as number;
    for (let i = 0; i < length; i++) symbols[start + i] = byteIds[bytes[i] as number] as number;
  }
  return { symbols, starts, lengths, counts: pieceCounts.subarray(0, size) };
}
