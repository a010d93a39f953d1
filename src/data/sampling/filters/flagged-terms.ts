/**
 * How much of a text is terms of a list: obscenity, spam. The ratio of flagged words of the ROOTS corpus (Laurençon et al.
 * 2022, appendix B), where C4 leaves a page out for a single word (Raffel et al. 2020, 2.2): a limit of 0 does that here.
 * A term may be several words; in Chinese, which has no spaces, characters are counted.
 */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { userError } from "../../../errors.ts";
import { normalizeText } from "../../documents/split.ts";
import { textUnits, type TextUnits } from "../../documents/text-units.ts";
import type { Language } from "../../records.ts";

const path = z.string().min(1).optional();

export const flaggedParams = z
  .strictObject({
    en: path.describe("Terms for English text."),
    zh: path.describe("Terms for Chinese text."),
    maxRatio: z.number().min(0).max(1).describe("Largest share of words, in Chinese characters, in terms."),
  })
  .describe(
    "Lists of terms by language: a file with one a line, empty lines and those that begin with # aside.",
  );

export type FlaggedParams = z.infer<typeof flaggedParams>;

/** The lists that params name, relative to where the pipeline runs. */
export const flaggedFiles = ({ en, zh }: FlaggedParams): string[] =>
  [en, zh].filter((one) => one !== undefined);

/** Throws FILE_NOT_FOUND, or FLAGGED_TERM_EMPTY where a line holds no word. */
export async function loadFlaggedTerms({ en, zh }: FlaggedParams): Promise<FlaggedTerms> {
  return new FlaggedTerms({ en: await termsIn(en), zh: await termsIn(zh) });
}

async function termsIn(file: string | undefined): Promise<TextUnits[]> {
  if (file === undefined) return [];
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw userError(
      "FILE_NOT_FOUND",
      `${file}: this list of flagged terms cannot be read (${cause instanceof Error ? cause.message : String(cause)}).`,
      "Correct its path in the recipe; it is taken relative to the folder in which the pipeline runs.",
    );
  });
  const lines = text.split("\n").map((line) => line.trim());
  return lines.flatMap((line, index) => {
    if (line === "" || line.startsWith("#")) return [];
    const units = textUnits(normalizeText(line));
    if (units.count > 0) return [units];
    throw userError(
      "FLAGGED_TERM_EMPTY",
      `${file}:${index + 1}: ${line} holds no word.`,
      "Take the line out: only words are compared.",
    );
  });
}

/** Terms are compared by a 32-bit hash of each of their units: of a million different words 0.1 are taken for one of 400. */
export class FlaggedTerms {
  /** By the hash of the first unit. */
  readonly #terms: Readonly<Record<Language, ReadonlyMap<number, readonly Uint32Array[]>>>;

  constructor({ en, zh }: Readonly<Record<Language, readonly TextUnits[]>>) {
    this.#terms = { en: byFirst(en), zh: byFirst(zh) };
  }

  /** Units in terms of the language's list over all units, in [0, 1]; each is counted once however many terms hold it. */
  ratio({ hashes, count }: TextUnits, language: Language): number {
    const terms = this.#terms[language];
    let covered = 0;
    let flagged = 0;
    for (let at = 0; at < count; at++) {
      for (const term of terms.get(hashes[at] ?? 0) ?? []) {
        const end = at + term.length;
        if (end <= covered || end > count || !term.every((hash, unit) => hashes[at + unit] === hash))
          continue;
        flagged += end - Math.max(at, covered);
        covered = end;
      }
    }
    return count === 0 ? 0 : flagged / count;
  }
}

function byFirst(terms: readonly TextUnits[]): Map<number, Uint32Array[]> {
  const map = new Map<number, Uint32Array[]>();
  for (const { hashes } of terms) {
    const first = hashes[0] ?? 0;
    const others = map.get(first);
    if (others) others.push(hashes);
    else map.set(first, [hashes]);
  }
  return map;
}
