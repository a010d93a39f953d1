/**
 * Text as a sequence of hashed units, the stuff of which shingles and n-grams are made: a word of a script that puts
 * spaces between words, or one character of a script that does not (Chinese). Punctuation and white space are left out.
 */
import { mixBits } from "../../std/mix-bits.ts";
import { characterClasses, IDEOGRAPH, WORD } from "./character-classes.ts";

export interface TextUnits {
  readonly count: number;
  /** One 32-bit hash a unit. */
  readonly hashes: Uint32Array;
  /** Characters (UTF-16 units) of each. */
  readonly lengths: Uint32Array;
}

/** `text` as `normalizeText` gives it: letter case and compatibility forms are told apart here. */
export function textUnits(text: string): TextUnits {
  const classes = characterClasses();
  const hashes = new Uint32Array(text.length);
  const lengths = new Uint32Array(text.length);
  let count = 0;
  let hash = FNV_OFFSET;
  let length = 0;
  const end = (): void => {
    if (length === 0) return;
    hashes[count] = finalize(hash);
    lengths[count++] = length;
    hash = FNV_OFFSET;
    length = 0;
  };
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const flags = classes[code] ?? 0;
    if (flags & WORD) {
      hash = Math.imul(hash ^ code, FNV_PRIME);
      length++;
      continue;
    }
    end();
    if (!(flags & IDEOGRAPH)) continue;
    hash = Math.imul(hash ^ code, FNV_PRIME);
    length = 1;
    if (code >= 0xd800 && code <= 0xdbff) {
      hash = Math.imul(hash ^ text.charCodeAt(++at), FNV_PRIME);
      length = 2;
    }
    end();
  }
  end();
  return { count, hashes: hashes.subarray(0, count), lengths: lengths.subarray(0, count) };
}

/** 32-bit FNV-1a (Fowler, Noll and Vo) over UTF-16 units; its low bits are made even by `finalize`. */
const FNV_OFFSET = 0x811c9dc5 | 0;
const FNV_PRIME = 0x01000193;

/** Makes the bits of a hash even, as an unsigned number. */
export const finalize = (hash: number): number => mixBits(hash) >>> 0;

/** Extends the hash of a sequence by one more unit's; order counts. Not finalized. */
export const extendHash = (hash: number, unit: number): number =>
  Math.imul(((hash << 13) | (hash >>> 19)) ^ unit, 0x9e3779b1);
