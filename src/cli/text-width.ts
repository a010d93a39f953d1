/**
 * How many terminal columns a text takes, and cutting and padding by columns. Text comes in without escape
 * codes (`printable` takes them out). Source: Unicode Standard Annex #11, East Asian Width.
 */
import { stripVTControlCharacters } from "node:util";

/** Made when it is first needed: most text is plain, and the locale takes long to load. */
let segmenter: Intl.Segmenter | undefined;

function graphemes(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  return segmenter.segment(text);
}

/** The blocks whose characters are Wide or Fullwidth, and what is shown as an emoji. */
const wide =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\u4DBF\u4E00-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE10-\uFE19\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6\u{16FE0}-\u{18DFF}\u{1AFF0}-\u{1B2FF}\u{20000}-\u{3FFFD}\p{Emoji_Presentation}]|\uFE0F/u;
/** Takes no column by itself: combining marks, format characters, variation selectors. */
const zeroWidth = /^[\p{Mark}\p{Format}\p{Default_Ignorable_Code_Point}]+$/u;
/** One column a code unit: ASCII, Latin letters, and the punctuation, arrows and lines that the views draw with. */
const plain =
  /^[ -~\u00A1-\u00AC\u00AE-\u024F\u2010-\u2015\u2018-\u2022\u2026\u2190-\u2193\u2500-\u25FC✔✖]*$/;

export function textWidth(text: string): number {
  if (plain.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of graphemes(text)) columns += graphemeWidth(segment);
  return columns;
}

function graphemeWidth(grapheme: string): number {
  if (zeroWidth.test(grapheme)) return 0;
  return wide.test(grapheme) ? 2 : 1;
}

/** At most `columns` wide; what was cut is shown by `…`. A wide character is never halved. */
export function truncate(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  if (columns <= 0) return "";
  let kept = "";
  let width = 0;
  for (const { segment } of graphemes(text)) {
    width += graphemeWidth(segment);
    if (width > columns - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

export function padEnd(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - textWidth(text)));
}

export function padStart(text: string, columns: number): string {
  return " ".repeat(Math.max(0, columns - textWidth(text))) + text;
}

/** One line that moves no cursor: without escape codes, control characters as spaces. */
export function printable(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\p{Cc}\u2028\u2029]+/gu, " ")
    .trim();
}

/** Breaks at spaces into lines of at most `columns`; a longer word stands alone and is not cut. */
export function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && textWidth(longer) > columns) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}
