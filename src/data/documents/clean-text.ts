/**
 * Makes text safe to train on and counts what that took: invalid UTF-8, NULs and other control characters, lone
 * surrogates. Does not judge what the text says.
 */

/** What was repaired or dropped: how many characters (dropped) or documents (the others). */
export type TextFault = "invalidUtf8" | "replacementCharacters" | "controlCharacters" | "loneSurrogates";

export interface CleanedText {
  readonly text: string;
  readonly faults: readonly TextFault[];
}

// C0 and C1 controls but for tab and newline; the noncharacters U+FFFE and U+FFFF; byte order marks inside text.
// eslint-disable-next-line no-control-regex -- control characters are what this looks for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufeff\ufffe\uffff]/gu;

/**
 * `validUtf8`: whether all bytes were, where that is known. U+FFFD in text of which it is not known, or that is valid, stands
 * for what was lost before, and is told too.
 */
export function cleanText(raw: string, validUtf8 = true): CleanedText {
  const faults: TextFault[] = [];
  if (!validUtf8) faults.push("invalidUtf8");
  else if (raw.includes("\uFFFD")) faults.push("replacementCharacters");
  let text = raw.replace(/\r\n?/gu, "\n");
  const wellFormed = text.replace(/\p{Surrogate}/gu, "\uFFFD"); // with /u a pair is one character: only lone ones match
  if (wellFormed !== text) faults.push("loneSurrogates");
  text = wellFormed;
  const withoutControls = text.replace(CONTROL, "");
  if (withoutControls !== text) faults.push("controlCharacters");
  return { text: withoutControls, faults };
}

/** Of bytes in another encoding most become U+FFFD; a few are what a bad byte here and there leaves. */
const MAX_REPLACED_SHARE = 0.02;

/** Whether a text was, by the characters that could not be read, in another encoding than UTF-8. */
export function isOtherEncoding(text: string): boolean {
  const replaced = text.split("\uFFFD").length - 1;
  return replaced > 1 && replaced > text.length * MAX_REPLACED_SHARE;
}
