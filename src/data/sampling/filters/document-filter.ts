/**
 * The filters that judge a document by itself, in the order of the params, cheap ones first. Makes what deduplication
 * compares on the way, since both need the normalised text.
 */
import { contentDigestOf, normalizeText } from "../../documents/split.ts";
import { textUnits } from "../../documents/text-units.ts";
import type { DataDocument, Language } from "../../records.ts";
import type { Decontamination } from "./decontamination.ts";
import type { FilterParams } from "./filter-params.ts";
import { languageShare } from "./language-share.ts";
import { MinHasher, type BandKeys } from "./near-duplicates.ts";
import { repetitionFault } from "./repetition.ts";
import { urlShare } from "./url-share.ts";

/** What deduplication compares. */
export interface Fingerprints {
  readonly digest: Buffer;
  readonly bandKeys: BandKeys | undefined;
}

export type Examined = { readonly fault: string } | Fingerprints;

export class DocumentFilter {
  readonly #params: FilterParams;
  readonly #hasher: MinHasher | undefined;
  readonly #evaluation: Decontamination | undefined;

  /** `evaluation` must hold all evaluation text already. */
  constructor(params: FilterParams, evaluation?: Decontamination) {
    this.#params = params;
    this.#hasher = params.nearDuplicates && new MinHasher(params.nearDuplicates);
    this.#evaluation = evaluation;
  }

  examine({ text, language }: Pick<DataDocument, "text" | "language">): Examined {
    const fault = this.#plainFault(text, language);
    if (fault !== undefined) return { fault };
    const normalized = normalizeText(text);
    const { repetition } = this.#params;
    const units = repetition || this.#evaluation || this.#hasher ? textUnits(normalized) : undefined;
    if (units && repetition) {
      const repeated = repetitionFault(text, units, language, repetition);
      if (repeated !== undefined) return { fault: repeated };
    }
    if (units && this.#evaluation?.matches(units, language) === true) return { fault: "evaluation text" };
    return { digest: contentDigestOf(normalized), bandKeys: units && this.#hasher?.bandKeys(units) };
  }

  #plainFault(text: string, language: Language): string | undefined {
    const { minCharacters = 0, maxCharacters = Infinity, minLanguageShare, maxUrlShare = 1 } = this.#params;
    if (text.length < minCharacters) return "too short";
    if (text.length > maxCharacters) return "too long";
    const least = minLanguageShare?.[language];
    if (least !== undefined && languageShare(text, language) < least) return "other language";
    if (maxUrlShare < 1 && urlShare(text) > maxUrlShare) return "web addresses";
    return undefined;
  }
}
