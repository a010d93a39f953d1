/**
 * The pre-tokenizer of GPT-2 as a hand-written scanner: where the piece that starts at a place ends. BPE never merges
 * across pieces. With `splitDigits`, every digit is a piece and the expression runs on what is between, as in
 * Hugging Face's Sequence[Digits(individual_digits), ByteLevel(use_regex)]. The expression is
 * `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
 */
import { characterClasses, digitOnly, letter, number, other, space } from "./character-classes.ts";

/** End of the piece that starts at `start` (UTF-16 units, start < text.length). */
export type PieceEnd = (text: string, start: number) => number;

/** What the expression does not see: a digit is split off before it runs. */
const digit = 5;
/** The first half of a surrogate pair: the class is that of the whole character. */
const lead = 6;

let tableWithDigits: Uint8Array | undefined;
let tableWithoutDigits: Uint8Array | undefined;

function createTable(splitDigits: boolean): Uint8Array {
  const table = characterClasses.slice();
  for (let code = 0; code < table.length; code++) {
    const characterClass = table[code];
    if (characterClass === digitOnly) table[code] = splitDigits ? digit : other;
    else if (characterClass === number && splitDigits) table[code] = digit;
  }
  return table.fill(lead, 0xd800, 0xdc00);
}

export function createPieceEnd(splitDigits: boolean): PieceEnd {
  const classes = splitDigits
    ? (tableWithDigits ??= createTable(true))
    : (tableWithoutDigits ??= createTable(false));

  /** Class of the character at a place; lone surrogates are `other`. */
  const classAt = (text: string, at: number): number => {
    const characterClass = classes[text.charCodeAt(at)] as number;
    return characterClass === lead ? astralClass(text, at) : characterClass;
  };
  const astralClass = (text: string, at: number): number => {
    const code = text.codePointAt(at) ?? 0;
    return code > 0xffff ? (classes[code] as number) : other;
  };
  const isPair = (text: string, at: number): boolean => (text.codePointAt(at) ?? 0) > 0xffff;

  /** End of the run of one class that includes the character at `at`. */
  const runEnd = (text: string, at: number, runClass: number): number => {
    const length = text.length;
    let end = at;
    while (end < length) {
      const characterClass = classes[text.charCodeAt(end)] as number;
      if (characterClass === runClass) {
        end++;
      } else if (characterClass === lead && astralClass(text, end) === runClass) {
        end += isPair(text, end) ? 2 : 1;
      } else {
        break;
      }
    }
    return end;
  };

  return (text, start) => {
    const length = text.length;
    const code = text.charCodeAt(start);
    const startClass = classAt(text, start);
    if (startClass === letter || startClass === number) return runEnd(text, start, startClass);
    if (startClass === digit) return start + (isPair(text, start) ? 2 : 1);
    if (startClass === other) {
      const end = code === 0x27 ? contractionEnd(text, start) : start;
      return end > start ? end : runEnd(text, start, other);
    }
    // Space: a plain blank joins the run that follows; of several, the last one is left to what follows.
    const next = start + 1;
    if (next === length) return next;
    const nextClass = classAt(text, next);
    if (nextClass === digit) return next;
    if (nextClass !== space) return code === 0x20 ? runEnd(text, next, nextClass) : next;
    const end = runEnd(text, next, space);
    return end === length || classAt(text, end) === digit ? end : end - 1;
  };
}

/** End of an English contraction at the apostrophe at `start`, or `start` if there is none. */
function contractionEnd(text: string, start: number): number {
  switch (text.charCodeAt(start + 1)) {
    case 0x73: // s
    case 0x74: // t
    case 0x6d: // m
    case 0x64: // d
      return start + 2;
    case 0x72: // re
    case 0x76: // ve
      return text.charCodeAt(start + 2) === 0x65 ? start + 3 : start;
    case 0x6c: // ll
      return text.charCodeAt(start + 2) === 0x6c ? start + 3 : start;
    default:
      return start;
  }
}
