/** The work of encoding documents that does not depend on other documents: what threads share out among them. */
import { checkLossless } from "../../tokenizer/check-lossless.ts";
import type { Encoder } from "../../tokenizer/encoder.ts";
import { TokenBuffer } from "../../tokenizer/token-buffer.ts";
import { documentHash } from "./document-hash.ts";
import { bytesPerTokenFor, packTokens } from "./shard-format.ts";

export interface EncodedBatch {
  /** Of all documents, one after the other, as `packTokens` makes them. */
  readonly tokens: Uint8Array<ArrayBuffer>;
  /** (documents × 4) Of each document: tokens, UTF-8 bytes, and the two halves of its hash. */
  readonly facts: Uint32Array<ArrayBuffer>;
}

export const factNumbers = 4;

/** What it returns throws TOKENIZER_LOSSY where tokens do not stand for all bytes of their text. */
export function createBatchEncoder(encoder: Encoder): (texts: readonly string[]) => EncodedBatch {
  const buffer = new TokenBuffer();
  const bytesPerToken = bytesPerTokenFor(encoder.vocabSize);
  return (texts) => {
    buffer.clear();
    const facts = new Uint32Array(texts.length * factNumbers);
    for (const [index, text] of texts.entries()) {
      const before = buffer.length;
      encoder.encodeInto(text, buffer);
      checkLossless(encoder, text, buffer.data, before, buffer.length);
      const counts = [buffer.length - before, Buffer.byteLength(text)];
      facts.set([...counts, ...documentHash(text)], index * factNumbers);
    }
    return { tokens: packTokens(buffer.data.subarray(0, buffer.length), bytesPerToken), facts };
  };
}
