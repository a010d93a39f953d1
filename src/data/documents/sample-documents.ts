/**
 * A seeded sample of a stream of documents that holds about, and never more than, so many characters of a language. Of
 * each language every document has the same chance; nothing is held in memory.
 */
import type { Random } from "../random.ts";
import type { DataDocument, Language } from "../records.ts";
import { sumTallies, type StratumRecord, type Tally } from "./manifest.ts";

export type LanguageCharacters = Readonly<Partial<Record<Language, number | undefined>>>;

export interface SampleDocumentsOptions {
  readonly random: Random;
  /** Characters (UTF-16 units) to take of each language; of one that is not named, all. */
  readonly characters: LanguageCharacters;
  /** What the stream holds, about: the chance of a document is what is wanted over that. */
  readonly available: LanguageCharacters;
}

/** The sample, in the order of the stream. `taken` is counted up while it is read. */
export async function* sampleDocuments(
  documents: AsyncIterable<DataDocument>,
  { random, characters, available }: SampleDocumentsOptions,
  taken: Map<Language, Tally>,
): AsyncGenerator<DataDocument> {
  const draws = new Map<Language, Random>();
  for await (const document of documents) {
    const { language, text } = document;
    const draw = draws.get(language) ?? random.fork(language);
    draws.set(language, draw);
    const tally = taken.get(language) ?? { records: 0, characters: 0 };
    taken.set(language, tally);
    const wanted = characters[language] ?? Infinity;
    const chance = wanted / (available[language] ?? 0);
    // Drawn for every document: what is left out for its length moves no later draw.
    if (draw.uniform() >= chance || tally.characters + text.length > wanted) continue;
    tally.records++;
    tally.characters += text.length;
    yield document;
  }
}

/** What is read of a manifest. */
interface ManifestCounts {
  readonly strata: readonly Pick<StratumRecord, "language" | "got">[];
  readonly files: readonly (Tally & { readonly path: string })[];
}

/** Characters of each language in one file of a dataset: what its strata hold, held-out text taken off in proportion. */
export function charactersIn({ strata, files }: ManifestCounts, path: string): LanguageCharacters {
  const all = sumTallies(files).characters;
  const share = (files.find((file) => file.path === path)?.characters ?? 0) / Math.max(1, all);
  const totals: Partial<Record<Language, number>> = {};
  for (const { language, got } of strata) totals[language] = (totals[language] ?? 0) + got.characters * share;
  return totals;
}
