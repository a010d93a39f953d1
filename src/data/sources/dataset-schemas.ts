/**
 * What the rows of known datasets mean. Each adapter names the columns it needs and makes records of rows; a row that
 * is not as it should be is dropped with a reason, a file without the columns is an error.
 * Layouts: the dataset cards of BAAI/IndustryCorpus2, HuggingFaceTB/smol-smoltalk, HuggingFaceH4/ultrafeedback_binarized.
 */
import { z } from "zod";
import type { Conversation, Language, Message, PreferencePair } from "../records.ts";
import type { Row } from "../formats/parquet-decode.ts";

export type Adapted<T> = { readonly record: T } | { readonly dropped: string; readonly characters: number };

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

const messageSchema = z.object({
  role: z.enum(["system", "user", "assistant"]),
  content: z.string(),
});
const messagesSchema = z.array(messageSchema).min(2);

export const SMOLTALK_COLUMNS = ["messages"] as const;

export function smoltalkConversation(row: Row, source: string): Adapted<Conversation> {
  const messages = messagesSchema.safeParse(row.messages);
  if (!messages.success) return { dropped: "messages are not as they should be", characters: 0 };
  const characters = charactersOf(messages.data);
  if (messages.data.at(-1)?.role !== "assistant")
    return { dropped: "does not end with the assistant", characters };
  if (messages.data.some((one) => one.content.trim() === "")) return { dropped: "empty message", characters };
  return { record: { messages: messages.data, language: "en", source } };
}

export const ULTRAFEEDBACK_COLUMNS = ["chosen", "rejected"] as const;

/** `chosen` and `rejected` are whole conversations that differ in their last message. */
export function ultrafeedbackPair(row: Row, source: string): Adapted<PreferencePair> {
  const chosen = messagesSchema.safeParse(row.chosen);
  const rejected = messagesSchema.safeParse(row.rejected);
  if (!chosen.success || !rejected.success) {
    return { dropped: "chosen or rejected is not as it should be", characters: 0 };
  }
  const prompt = chosen.data.slice(0, -1);
  const good = chosen.data.at(-1)?.content ?? "";
  const bad = rejected.data.at(-1)?.content ?? "";
  const characters = charactersOf(chosen.data) + bad.length;
  if (prompt.at(-1)?.role !== "user") return { dropped: "prompt does not end with the user", characters };
  if (good.trim() === "" || bad.trim() === "") return { dropped: "empty answer", characters };
  if (good === bad) return { dropped: "chosen equals rejected", characters };
  return { record: { prompt, chosen: good, rejected: bad, language: "en", source } };
}

const charactersOf = (messages: readonly Message[]): number =>
  messages.reduce((sum, message) => sum + message.content.length, 0);
