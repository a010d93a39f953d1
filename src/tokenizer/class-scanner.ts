/** Reads the classes of characters in UTF-16 text: what the scanners of all split patterns are built from. */
import { characterClasses, digitOnly, number, other } from "./character-classes.ts";
import { hanRanges, type SplitRule } from "./split-pattern.ts";

/** Ends pieces on both sides: a digit is split off before the expression runs, which sees an end of text there. */
export const digit = 5;
/** The first half of a surrogate pair: the class is that of the whole character. */
const lead = 6;
/** A Chinese character, where the pattern tells it from other letters. */
export const han = 7;

export interface ClassScanner {
  /** Class of the character at a place; of lone surrogates, `other`. */
  readonly classAt: (text: string, at: number) => number;
  /** UTF-16 units of the character at a place. */
  readonly unitsAt: (text: string, at: number) => 1 | 2;
  /** End of the run of one class that begins at `at`; `at` itself where its character is of another. */
  readonly runEnd: (text: string, at: number, runClass: number) => number;
}

const scanners = new Map<string, ClassScanner>();

export function createClassScanner({ splitPattern, splitDigits }: SplitRule): ClassScanner {
  const key = `${splitPattern === "han"} ${splitDigits}`;
  let scanner = scanners.get(key);
  if (scanner === undefined)
    scanners.set(key, (scanner = scannerOf(createTable(splitPattern === "han", splitDigits))));
  return scanner;
}

function createTable(withHan: boolean, splitDigits: boolean): Uint8Array {
  const table = characterClasses.slice();
  if (withHan) for (const [first, last] of hanRanges) table.fill(han, first, last + 1);
  for (let code = 0; code < table.length; code++) {
    const characterClass = characterClasses[code];
    if (characterClass === digitOnly) table[code] = splitDigits ? digit : other;
    else if (characterClass === number && splitDigits) table[code] = digit;
  }
  return table.fill(lead, 0xd800, 0xdc00);
}

function scannerOf(classes: Uint8Array): ClassScanner {
  const astralClass = (text: string, at: number): number => {
    const code = text.codePointAt(at) ?? 0;
    return code > 0xffff ? (classes[code] as number) : other;
  };
  const unitsAt = (text: string, at: number): 1 | 2 => ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);
  return {
    classAt(text, at) {
      const characterClass = classes[text.charCodeAt(at)] as number;
      return characterClass === lead ? astralClass(text, at) : characterClass;
    },
    unitsAt,
    runEnd(text, at, runClass) {
      const length = text.length;
      let end = at;
      while (end < length) {
        const characterClass = classes[text.charCodeAt(end)] as number;
        if (characterClass === runClass) end++;
        else if (characterClass === lead && astralClass(text, end) === runClass) end += unitsAt(text, end);
        else break;
      }
      return end;
    },
  };
}
