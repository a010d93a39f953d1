/**
 * Text to token ids and back, with the ids of Hugging Face `tokenizers` for the same model. Made for bulk: pieces are
 * scanned by hand, and the tokens of those met before come from a cache. Documents are plain text to it: what looks
 * like a special token stays ordinary bytes unless the caller asks.
 */
import { userError } from "../errors.ts";
import type { AddedToken, BpeModel } from "./bpe-model.ts";
import { byteCharacters, isUtf8Byte, tokenBytes } from "./byte-alphabet.ts";
import { Doorkeeper } from "./doorkeeper.ts";
import { grown } from "./grown.ts";
import { PieceMerger } from "./merge-piece.ts";
import { pieceHash, PieceTable } from "./piece-table.ts";
import { createPieceEnd } from "./split-pieces.ts";
import { TokenBuffer } from "./token-buffer.ts";
import { writeUtf8 } from "./utf8.ts";

export interface EncodeOptions {
  /** Whether special tokens written in the text become their ids (default: no). */
  readonly parseSpecialTokens?: boolean;
}

export interface DecodeOptions {
  readonly skipSpecialTokens?: boolean;
}

export interface Encoder {
  /** What it was made of: another thread makes its own from that. */
  readonly model: BpeModel;
  readonly vocabSize: number;
  /** (V) Bytes of text that each token stands for; 0 for special tokens. Of a text that `composed` models normalise, in its composed form. */
  readonly tokenByteCounts: Uint32Array;
  /** Ids of a text. Lone surrogates are encoded as U+FFFD, as TextEncoder does. */
  encode(text: string, options?: EncodeOptions): Uint32Array;
  /** Appends the ids of a text to `out`. */
  encodeInto(text: string, out: TokenBuffer, options?: EncodeOptions): void;
  /** The text of ids; bytes that are no UTF-8 become U+FFFD. Throws TOKEN_UNKNOWN for an id outside of the vocabulary. */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  /** The raw bytes of a token; of a special token, its text. Throws TOKEN_UNKNOWN. */
  bytesOf(id: number): Uint8Array;
  isSpecial(id: number): boolean;
  /** Id of a special token such as `<|im_end|>`. Throws TOKEN_UNKNOWN if there is none of that name. */
  specialTokenId(content: string): number;
}

/** Longer pieces seldom come twice. */
const longestCached = 64;
/** When this many are cached, the cache starts anew: about 10 MB. */
const maxCachedPieces = 1 << 17;

export function createEncoder(model: BpeModel): Encoder {
  return new CachedEncoder(model);
}

class CachedEncoder implements Encoder {
  readonly model: BpeModel;
  readonly vocabSize: number;
  readonly tokenByteCounts: Uint32Array;
  readonly #bytes: readonly Uint8Array[];
  readonly #specialIds: ReadonlyMap<string, number>;
  readonly #specials: ReadonlySet<number>;
  /** Matches added tokens: all of them, and those that are text. */
  readonly #addedPattern: RegExp | undefined;
  readonly #textPattern: RegExp | undefined;
  readonly #addedIds: ReadonlyMap<string, number>;
  readonly #composed: boolean;
  readonly #byteIds: Uint32Array;
  readonly #pieceEnd;
  readonly #merger: PieceMerger;
  readonly #cache = new PieceTable();
  /** Pieces are cached when they come a second time. */
  readonly #met = new Doorkeeper();
  /** Entry e of the cache has ids [#cacheEnds[e - 1], #cacheEnds[e]). */
  #cacheEnds = new Uint32Array(1 << 11);
  #cacheIds = new Uint32Array(1 << 13);
  // Room for one piece.
  #pieceBytes = new Uint8Array(3 * longestCached);
  #pieceIds = new Uint32Array(3 * longestCached);

  constructor(model: BpeModel) {
    const { tokens, merges, specialTokens, textTokens } = model;
    this.model = model;
    this.vocabSize = tokens.length;
    this.#composed = model.composed;
    this.#specialIds = new Map(specialTokens.map(({ id, content }) => [content, id]));
    this.#specials = new Set(specialTokens.map(({ id }) => id));
    const addedTokens = [...specialTokens, ...textTokens];
    this.#addedIds = new Map(addedTokens.map(({ id, content }) => [content, id]));
    this.#addedPattern = createAddedPattern(addedTokens);
    this.#textPattern = createAddedPattern(textTokens);
    const utf8 = new TextEncoder();
    const added = new Set(addedTokens.map(({ id }) => id));
    this.#bytes = tokens.map((token, id) =>
      added.has(id) ? utf8.encode(token) : (tokenBytes(token) ?? utf8.encode(token)),
    );
    this.tokenByteCounts = Uint32Array.from(this.#bytes, (bytes, id) =>
      this.#specials.has(id) ? 0 : bytes.length,
    );
    const idOf = new Map(tokens.map((token, id) => [token, id]));
    this.#byteIds = Uint32Array.from(byteCharacters, (character, byte) => {
      const id = idOf.get(character);
      if (id === undefined && isUtf8Byte(byte))
        throw new TypeError("A BPE model must have a token for each byte of UTF-8.");
      return id ?? 0; // of a byte that no text has
    });
    this.#pieceEnd = createPieceEnd(model);
    this.#merger = new PieceMerger(merges, this.#byteIds);
  }

  encode(text: string, options?: EncodeOptions): Uint32Array {
    const out = new TokenBuffer();
    this.encodeInto(text, out, options);
    return out.slice();
  }

  encodeInto(text: string, out: TokenBuffer, options?: EncodeOptions): void {
    const pattern = options?.parseSpecialTokens === true ? this.#addedPattern : this.#textPattern;
    if (pattern === undefined) {
      this.#encodeOrdinary(text, out);
      return;
    }
    // The pattern has one group, so that its matches are kept: ordinary text and added tokens take turns.
    for (const [index, part] of text.split(pattern).entries()) {
      if (index % 2 === 0) this.#encodeOrdinary(part, out);
      else out.push(this.#addedIds.get(part) as number);
    }
  }

  #encodeOrdinary(original: string, out: TokenBuffer): void {
    const text = this.#composed ? original.normalize("NFC") : original;
    const pieceEnd = this.#pieceEnd;
    const byteIds = this.#byteIds;
    const length = text.length;
    for (let start = 0; start < length;) {
      const end = pieceEnd(text, start);
      const code = text.charCodeAt(start);
      if (end === start + 1 && code < 0x80) out.push(byteIds[code] as number);
      else this.#encodePiece(text, start, end, out);
      start = end;
    }
  }

  #encodePiece(text: string, start: number, end: number, out: TokenBuffer): void {
    if (end - start > longestCached) {
      const length = this.#mergePiece(text, start, end);
      out.append(this.#pieceIds, 0, length);
      return;
    }
    const hash = pieceHash(text, start, end);
    const entry = this.#cache.find(text, start, end, hash);
    if (entry >= 0) {
      const from = entry === 0 ? 0 : (this.#cacheEnds[entry - 1] as number);
      out.append(this.#cacheIds, from, this.#cacheEnds[entry] as number);
      return;
    }
    const length = this.#mergePiece(text, start, end);
    out.append(this.#pieceIds, 0, length);
    // Most pieces of Chinese without blanks never come again.
    if (this.#met.meets(hash)) this.#remember(text, start, end, hash, length);
  }

  /** Puts the ids of a new piece, which are in #pieceIds, into the cache. */
  #remember(text: string, start: number, end: number, hash: number, length: number): void {
    if (this.#cache.size === maxCachedPieces) this.#cache.clear();
    const entry = this.#cache.add(text, start, end, hash);
    const from = entry === 0 ? 0 : (this.#cacheEnds[entry - 1] as number);
    this.#cacheIds = grown(this.#cacheIds, from + length);
    for (let i = 0; i < length; i++) this.#cacheIds[from + i] = this.#pieceIds[i] as number;
    this.#cacheEnds = grown(this.#cacheEnds, entry + 1);
    this.#cacheEnds[entry] = from + length;
  }

  /** Leaves the piece's ids in #pieceIds and returns how many. */
  #mergePiece(text: string, start: number, end: number): number {
    const room = 3 * (end - start);
    if (room > this.#pieceBytes.length) {
      this.#pieceBytes = new Uint8Array(room);
      this.#pieceIds = new Uint32Array(room);
    }
    const length = writeUtf8(text, start, end, this.#pieceBytes);
    return this.#merger.merge(this.#pieceBytes, length, this.#pieceIds);
  }

  decode(ids: ArrayLike<number>, options?: DecodeOptions): string {
    const parts: Uint8Array[] = [];
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as number;
      if (options?.skipSpecialTokens === true && this.#specials.has(id)) continue;
      parts.push(this.bytesOf(id));
    }
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Buffer.concat(parts));
  }

  bytesOf(id: number): Uint8Array {
    const bytes = this.#bytes[id];
    if (bytes === undefined) {
      throw userError(
        "TOKEN_UNKNOWN",
        `There is no token ${id} among the ${this.vocabSize} of this tokenizer.`,
      );
    }
    return bytes;
  }

  isSpecial(id: number): boolean {
    return this.#specials.has(id);
  }

  specialTokenId(content: string): number {
    const id = this.#specialIds.get(content);
    if (id === undefined) {
      const known = [...this.#specialIds.keys()].join(", ");
      throw userError(
        "TOKEN_UNKNOWN",
        `This tokenizer has no special token ${content}; it has ${known === "" ? "none" : known}.`,
        "Name the token among specialTokens when the tokenizer is trained.",
      );
    }
    return id;
  }
}

/** Matches added tokens, of several at one place the longest, in one capturing group. */
function createAddedPattern(tokens: readonly AddedToken[]): RegExp | undefined {
  if (tokens.length === 0) return undefined;
  const escaped = tokens
    .map(({ content }) => content)
    .sort((a, b) => b.length - a.length)
    .map((content) => content.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
  return new RegExp(`(${escaped.join("|")})`);
}
