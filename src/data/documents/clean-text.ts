/**
 * Makes text safe to train on and counts what that took: invalid UTF-8, NULs and other control characters, lone
 * surrogates. Does not judge what the text says.
 */

/** What was repaired or dropped: how many characters (dropped) or documents (the others). */
export type TextFault = "invalidUtf8" | "controlCharacters" | "loneSurrogates";

export interface CleanedText {
  readonly text: string;
  readonly faults: readonly TextFault[];
}

// C0 and C1 controls but for tab and newline; the noncharacters U+FFFE and U+FFFF; byte order marks inside text.
// eslint-disable-next-line no-control-regex -- control characters are what this looks for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufeff\ufffe\uffff]/gu;

/** Invalid sequences become U+FFFD (Encoding Standard, "replacement" mode) and are reported. */
export function decodeUtf8(bytes: Uint8Array): CleanedText {
  try {
    return cleanText(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    const { text, faults } = cleanText(new TextDecoder("utf-8").decode(bytes));
    return { text, faults: ["invalidUtf8", ...faults] };
  }
}

export function cleanText(raw: string): CleanedText {
  const faults: TextFault[] = [];
  let text = raw.replace(/\r\n?/gu, "\n");
  const wellFormed = text.replace(/\p{Surrogate}/gu, "\uFFFD"); // with /u a pair is one character: only lone ones match
  if (wellFormed !== text) faults.push("loneSurrogates");
  text = wellFormed;
  const withoutControls = text.replace(CONTROL, "");
  if (withoutControls !== text) faults.push("controlCharacters");
  return { text: withoutControls, faults };
}
