/** HuggingFaceTB/smol-smoltalk, by its dataset card. */
import type { Row } from "../formats/parquet-decode.ts";
import type { Conversation } from "../records.ts";
import { charactersOfMessages } from "../documents/characters-of.ts";
import { messagesSchema, type Adapted } from "./adapted.ts";

export const SMOLTALK_COLUMNS = ["messages"] as const;

export function smoltalkConversation(row: Row, source: string): Adapted<Conversation> {
  const messages = messagesSchema.safeParse(row.messages);
  if (!messages.success) return { dropped: "messages are not as they should be", characters: 0 };
  const characters = charactersOfMessages(messages.data);
  if (messages.data.at(-1)?.role !== "assistant")
    return { dropped: "does not end with the assistant", characters };
  if (messages.data.some((one) => one.content.trim() === "")) return { dropped: "empty message", characters };
  return { record: { messages: messages.data, language: "en", source } };
}
