/** What a UTF-16 unit is for those who count letters or split text into words: bit flags by Unicode property (UAX 44). */

export const LETTER = 1;
export const LATIN = 2;
export const HAN = 4;
/** Letters, marks and numbers of scripts that put spaces between words. */
export const WORD = 8;
/** Letters of scripts that do not: each stands for itself. */
export const IDEOGRAPH = 16;

/** One byte a unit of the basic plane; surrogates are 0. */
let table: Uint8Array | undefined;

/** Flags of a UTF-16 unit. Of a surrogate pair the high half has the flags, the low half none. */
export function characterClasses(): Uint8Array {
  if (table) return table;
  table = new Uint8Array(65536);
  for (let code = 0; code < 65536; code++) {
    if (code < 0xd800 || code > 0xdfff) table[code] = classOf(String.fromCharCode(code));
    // The planes 2 and 3 are Han (extensions B to I); of other planes nothing is counted.
    else if (code >= 0xd840 && code <= 0xd8ff) table[code] = LETTER | HAN | IDEOGRAPH;
  }
  return table;
}

function classOf(character: string): number {
  const letter = /\p{L}/u.test(character);
  const ideograph =
    letter && /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u.test(character);
  return (
    (letter ? LETTER : 0) |
    (letter && /\p{Script=Latin}/u.test(character) ? LATIN : 0) |
    (letter && /\p{Script=Han}/u.test(character) ? HAN : 0) |
    (!ideograph && /[\p{L}\p{M}\p{N}]/u.test(character) ? WORD : 0) |
    (ideograph ? IDEOGRAPH : 0)
  );
}
