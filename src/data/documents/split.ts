/**
 * Which side of the held-out split a text is on, decided by its content alone: the same text lands on the same
 * side in every run, file and language, however often it occurs.
 */
import { hash } from "node:crypto";
import type { PreferencePair } from "../records.ts";

export type Split = "train" | "heldout";

/** Runs of white space other than one blank, which most runs are: those are left as they are instead of replaced by one. */
const spaces = /[^\S ]\s*| \s+/gu;

/** What counts as the same text: compatibility forms, letter case and runs of white space do not tell texts apart. */
export function normalizeText(text: string): string {
  return text.normalize("NFKC").toLowerCase().replace(spaces, " ").trim();
}

/** SHA-256 of the normalised text. */
export const contentDigest = (text: string): Buffer => contentDigestOf(normalizeText(text));

/** The same of a text that is normalised already. */
export const contentDigestOf = (normalized: string): Buffer => hash("sha256", normalized, "buffer");

/** A hash that looks random and depends on label and digest only. */
function labelledHash(label: string, digest: Uint8Array | string): Buffer {
  const input = `${label}\0${typeof digest === "string" ? digest : Buffer.from(digest).toString("hex")}`;
  return hash("sha256", input, "buffer");
}

/** The first 48 bits of a labelled hash as a number in [0, 1). */
export function hashToUnit(label: string, digest: Uint8Array | string): number {
  return labelledHash(label, digest).readUIntBE(0, 6) / 2 ** 48;
}

/** The hash whose first 48 bits place a digest in the split. */
export const splitPosition = (digest: Uint8Array): Buffer => labelledHash("split", digest);

/** `heldOutFraction` in [0, 1]: raising it only moves texts from train to heldout, never back. */
export function splitOf(text: string, heldOutFraction: number): Split {
  return splitOfDigest(contentDigest(text), heldOutFraction);
}

/** As `splitOf`, for a digest that is at hand already. */
export function splitOfDigest(digest: Uint8Array, heldOutFraction: number): Split {
  return splitPosition(digest).readUIntBE(0, 6) / 2 ** 48 < heldOutFraction ? "heldout" : "train";
}

/** Whether a preference pair only measures: its prompt decides, so that no prompt is on both sides. */
export const isHeldOutPair = ({ prompt }: Pick<PreferencePair, "prompt">, fraction: number): boolean =>
  hashToUnit("held-out pairs", JSON.stringify(prompt)) < fraction;
