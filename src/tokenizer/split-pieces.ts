/**
 * The pre-tokenizers of split-pattern.ts as hand-written scanners: where the piece that starts at a place ends. They
 * are what Hugging Face's Sequence[Digits(individual_digits), Split(expression), ByteLevel] does, Digits only with
 * `splitDigits`.
 */
import { letter, number, other, space } from "./character-classes.ts";
import { createClassScanner, digit, han } from "./class-scanner.ts";
import type { SplitRule } from "./split-pattern.ts";

/** End of the piece that starts at `start` (UTF-16 units, start < text.length). */
export type PieceEnd = (text: string, start: number) => number;

export function createPieceEnd(rule: SplitRule): PieceEnd {
  return rule.splitPattern === "gpt2" ? createGpt2PieceEnd(rule) : createGpt4PieceEnd(rule);
}

function createGpt2PieceEnd(rule: SplitRule): PieceEnd {
  const { classAt, unitsAt, runEnd } = createClassScanner(rule);
  return (text, start) => {
    const length = text.length;
    const code = text.charCodeAt(start);
    const startClass = classAt(text, start);
    if (startClass === letter || startClass === number) return runEnd(text, start, startClass);
    if (startClass === digit) return start + unitsAt(text, start);
    if (startClass === other) {
      const end = code === 0x27 ? contractionEnd(text, start, asItIs) : start;
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

/** `gpt4`, `qwen2` and `han`: they differ in how many numbers make a piece, and in the classes of characters. */
function createGpt4PieceEnd(rule: SplitRule): PieceEnd {
  const { classAt, unitsAt, runEnd } = createClassScanner(rule);
  const maxNumbers = rule.splitPattern === "qwen2" ? 1 : 3;

  const signsEnd = (text: string, at: number): number => {
    let end = runEnd(text, at, other);
    while (end < text.length && isLineBreak(text.charCodeAt(end))) end++;
    return end;
  };
  const numbersEnd = (text: string, at: number): number => {
    let end = at;
    for (let count = 0; count < maxNumbers && end < text.length; count++) {
      if (classAt(text, end) !== number) break;
      end += unitsAt(text, end);
    }
    return end;
  };
  /** Up to the last line break of the run, if there is one; else all of it, but for the blank that joins what follows. */
  const spacesEnd = (text: string, at: number): number => {
    const end = runEnd(text, at, space);
    for (let last = end; last > at; last--) if (isLineBreak(text.charCodeAt(last - 1))) return last;
    const atEnd = end === text.length || classAt(text, end) === digit;
    return atEnd || end === at + 1 ? end : end - 1;
  };

  return (text, start) => {
    const startClass = classAt(text, start);
    if (startClass === letter || startClass === han) return runEnd(text, start, startClass);
    if (startClass === number) return numbersEnd(text, start);
    const code = text.charCodeAt(start);
    const next = start + unitsAt(text, start);
    if (startClass === digit) return next;
    if (code === 0x27) {
      const end = contractionEnd(text, start, lowerCase);
      if (end > start) return end;
    }
    const nextClass = next < text.length ? classAt(text, next) : space;
    if (nextClass === letter && !isLineBreak(code)) return runEnd(text, next, letter);
    if (startClass === other) return signsEnd(text, start);
    return code === 0x20 && nextClass === other ? signsEnd(text, next) : spacesEnd(text, start);
  };
}

const isLineBreak = (code: number): boolean => code === 0x0a || code === 0x0d;

type FoldCase = (code: number) => number;
const asItIs: FoldCase = (code) => code;
/** Of ASCII letters and the long s (U+017F), a case of s; other codes become no letter of the contractions. */
const lowerCase: FoldCase = (code) =>
  code === 0x17f ? 0x73 : code >= 0x41 && code <= 0x5a ? code + 0x20 : code;

/** End of an English contraction at the apostrophe at `start`, or `start` if there is none. */
function contractionEnd(text: string, start: number, fold: FoldCase): number {
  const second = fold(text.charCodeAt(start + 2));
  switch (fold(text.charCodeAt(start + 1))) {
    case 0x73: // s
    case 0x74: // t
    case 0x6d: // m
    case 0x64: // d
      return start + 2;
    case 0x72: // re
    case 0x76: // ve
      return second === 0x65 ? start + 3 : start;
    case 0x6c: // ll
      return second === 0x6c ? start + 3 : start;
    default:
      return start;
  }
}
