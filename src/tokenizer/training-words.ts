/** The distinct pieces of a corpus as sequences of token ids, which training shortens merge by merge. */
import { LongWords, longWordBytes } from "./long-words.ts";
import type { PieceCounts } from "./piece-counter.ts";
import { writeUtf8 } from "./utf8.ts";

/** The long words apart, every other as a row of ids that is read whole. */
export interface TrainingWords {
  /** Ids of all words, one after the other. */
  readonly symbols: Uint16Array | Uint32Array;
  /** Word w has symbols [starts[w], starts[w] + lengths[w]). */
  readonly starts: Float64Array;
  readonly lengths: Uint32Array;
  /** Occurrences of each word in the corpus. */
  readonly counts: Float64Array;
  readonly long: LongWords;
}

/** `byteIds` gives the token id of each byte. A long word's row is empty: it is in `long`. */
export function createTrainingWords(
  { pieces, counts: pieceCounts }: PieceCounts,
  byteIds: readonly number[],
  vocabSize: number,
): TrainingWords {
  const size = pieces.size;
  const starts = new Float64Array(size);
  const lengths = new Uint32Array(size);
  const longWords: { readonly cells: Uint32Array; readonly count: number }[] = [];
  // At most three bytes a UTF-16 unit; cut to what was used below.
  let bytes = new Uint8Array(1 << 12);
  let total = 0;
  for (let word = 0; word < size; word++) {
    const text = pieces.text(word);
    if (bytes.length < text.length * 3) bytes = new Uint8Array(text.length * 3);
    const length = writeUtf8(text, 0, text.length, bytes);
    starts[word] = total;
    if (length > longWordBytes) {
      const cells = Uint32Array.from(bytes.subarray(0, length), (byte) => byteIds[byte] as number);
      longWords.push({ cells, count: pieceCounts[word] as number });
      continue;
    }
    lengths[word] = length;
    total += length;
  }
  const symbols = vocabSize <= 0x10000 ? new Uint16Array(total) : new Uint32Array(total);
  for (let word = 0; word < size; word++) {
    if (lengths[word] === 0) continue;
    const text = pieces.text(word);
    const length = writeUtf8(text, 0, text.length, bytes);
    const start = starts[word] as number;
    for (let i = 0; i < length; i++) symbols[start + i] = byteIds[bytes[i] as number] as number;
  }
  return { symbols, starts, lengths, counts: pieceCounts.slice(0, size), long: joined(longWords) };
}

function joined(words: readonly { readonly cells: Uint32Array; readonly count: number }[]): LongWords {
  const ends: number[] = [];
  let end = 0;
  for (const { cells } of words) ends.push((end += cells.length));
  const cells = new Uint32Array(end);
  for (const [index, word] of words.entries()) cells.set(word.cells, (ends[index] ?? 0) - word.cells.length);
  return new LongWords(
    cells,
    ends,
    words.map(({ count }) => count),
  );
}
