/**
 * The filters that judge a document by itself, in the order of the params, cheap ones first. Makes what deduplication
 * compares on the way, since both need the normalised text.
 */
import { contentDigestOf, normalizeText } from "../../documents/split.ts";
import { textUnits, type TextUnits } from "../../documents/text-units.ts";
import type { DataDocument, Language } from "../../records.ts";
import type { Decontamination } from "./decontamination.ts";
import type { FilterParams } from "./filter-params.ts";
import type { FlaggedTerms } from "./flagged-terms.ts";
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

/** What documents are compared with. */
export interface FilterTexts {
  readonly flagged?: FlaggedTerms | undefined;
  /** Must hold all evaluation text already. */
  readonly evaluation?: Decontamination | undefined;
}

export class DocumentFilter {
  readonly #params: FilterParams;
  readonly #hasher: MinHasher | undefined;
  readonly #texts: FilterTexts;

  constructor(params: FilterParams, texts: FilterTexts = {}) {
    this.#params = params;
    this.#hasher = params.nearDuplicates && new MinHasher(params.nearDuplicates);
    this.#texts = texts;
  }

  examine({ text, language }: Pick<DataDocument, "text" | "language">): Examined {
    const fault = this.#plainFault(text, language);
    if (fault !== undefined) return { fault };
    const normalized = normalizeText(text);
    const { flagged, evaluation } = this.#texts;
    const units =
      flagged || this.#params.repetition || evaluation || this.#hasher ? textUnits(normalized) : undefined;
    if (units) {
      const compared = this.#unitsFault(text, units, language);
      if (compared !== undefined) return { fault: compared };
    }
    return { digest: contentDigestOf(normalized), bandKeys: units && this.#hasher?.bandKeys(units) };
  }

  #unitsFault(text: string, units: TextUnits, language: Language): string | undefined {
    const { flagged: limits, repetition } = this.#params;
    const { flagged, evaluation } = this.#texts;
    if (limits && flagged && flagged.ratio(units, language) > limits.maxRatio) return "flagged words";
    const repeated = repetition && repetitionFault(text, units, language, repetition);
    if (repeated !== undefined) return repeated;
    return evaluation?.matches(units, language) === true ? "evaluation text" : undefined;
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
