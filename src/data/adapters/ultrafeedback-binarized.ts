/** HuggingFaceH4/ultrafeedback_binarized, by its dataset card. */
import type { Row } from "../formats/parquet-decode.ts";
import type { PreferencePair } from "../records.ts";
import { charactersOfMessages } from "../documents/characters-of.ts";
import { messagesSchema, type Adapted } from "./adapted.ts";

export const BINARIZED_COLUMNS = ["chosen", "rejected"] as const;

/** `chosen` and `rejected` are whole conversations that differ in their last message. */
export function binarizedPair(row: Row, source: string): Adapted<PreferencePair> {
  const chosen = messagesSchema.safeParse(row.chosen);
  const rejected = messagesSchema.safeParse(row.rejected);
  if (!chosen.success || !rejected.success) {
    return { dropped: "chosen or rejected is not as it should be", characters: 0 };
  }
  const prompt = chosen.data.slice(0, -1);
  const good = chosen.data.at(-1)?.content ?? "";
  const bad = rejected.data.at(-1)?.content ?? "";
  const characters = charactersOfMessages(chosen.data) + bad.length;
  if (prompt.at(-1)?.role !== "user") return { dropped: "prompt does not end with the user", characters };
  if (good.trim() === "" || bad.trim() === "") return { dropped: "empty answer", characters };
  if (good === bad) return { dropped: "chosen equals rejected", characters };
  return { record: { prompt, chosen: good, rejected: bad, language: "en", source } };
}
