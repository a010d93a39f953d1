/** The work of encoding documents that does not depend on other documents: what threads share out among them. */
import { checkLossless } from "../../tokenizer/check-lossless.ts";
import type { Encoder } from "../../tokenizer/encoder.ts";
import { TokenBuffer } from "../../tokenizer/token-buffer.ts";
import { documentHash } from "./document-hash.ts";

export interface EncodedBatch {
  /** Of all documents, one after the other. */
  readonly ids: Uint32Array<ArrayBuffer>;
  /** (documents × 4) Of each document: tokens, UTF-8 bytes, and the two halves of its hash. */
  readonly facts: Uint32Array<ArrayBuffer>;
}

export const factNumbers = 4;

/** Throws TOKENIZER_LOSSY where tokens do not stand for all bytes of their text. */
export function encodeBatch(encoder: Encoder, texts: readonly string[]): EncodedBatch {
  const buffer = new TokenBuffer();
  const facts = new Uint32Array(texts.length * factNumbers);
  for (const [index, text] of texts.entries()) {
    const before = buffer.length;
    encoder.encodeInto(text, buffer);
    checkLossless(encoder, text, buffer.data, before, buffer.length);
    facts.set([buffer.length - before, Buffer.byteLength(text), ...documentHash(text)], index * factNumbers);
  }
  return { ids: buffer.slice(), facts };
}
