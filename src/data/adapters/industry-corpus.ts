/** BAAI/IndustryCorpus2, by its dataset card: language, category and quality are in the path alone. */
import type { Row } from "../formats/parquet-decode.ts";
import type { Language } from "../records.ts";
import type { Adapted } from "./adapted.ts";

export interface IndustryFile {
  readonly category: string;
  readonly language: Language;
  readonly quality: Quality;
}
export const QUALITIES = ["high", "middle", "low"] as const;
export type Quality = (typeof QUALITIES)[number];

/**
 * `{category}/{chinese|english}/{high|middle|low}/rank_NNNNN.parquet`: the path is the only place that tells
 * category, language and quality. Undefined for any other path.
 */
export function parseIndustryPath(path: string): IndustryFile | undefined {
  const match = /^([^/]+)\/(chinese|english)\/(high|middle|low)\/rank_\d+\.parquet$/u.exec(path);
  const [, category, language, quality] = match ?? [];
  if (category === undefined) return undefined;
  return {
    category,
    language: language === "chinese" ? "zh" : "en",
    quality: QUALITIES.find((one) => one === quality) ?? "low",
  };
}

/** Of 13 columns in Chinese and 9 in English files the only one that is needed. */
export const INDUSTRY_COLUMNS = ["text"] as const;

export function industryText(row: Row): Adapted<string> {
  if (typeof row.text !== "string") return { dropped: "text is no string", characters: 0 };
  return row.text.trim() === "" ? { dropped: "empty", characters: row.text.length } : { record: row.text };
}
