/** deepctrl/deepctrl-sft-data on ModelScope: JSON Lines of instructions with the turns before them. */
import { z } from "zod";
import type { Row } from "../formats/parquet-decode.ts";
import type { Conversation, Language, Message } from "../records.ts";
import { charactersOfMessages } from "../documents/characters-of.ts";
import type { Adapted } from "./adapted.ts";

export const DEEPCTRL_COLUMNS = ["instruction", "input", "output", "history"] as const;

const rowSchema = z.object({
  instruction: z.string(),
  input: z.string().nullish(),
  output: z.string(),
  /** Turns before the instruction: what the user said and what was answered. */
  history: z.array(z.tuple([z.string(), z.string()])).nullish(),
});

export const deepctrlConversation =
  (language: Language) =>
  (row: Row, source: string): Adapted<Conversation> => {
    const parsed = rowSchema.safeParse(row);
    if (!parsed.success) return { dropped: "fields are not as they should be", characters: 0 };
    const { instruction, input, output, history } = parsed.data;
    const question = [instruction, input ?? ""].filter((part) => part.trim() !== "").join("\n");
    const messages: readonly Message[] = [...(history ?? []), [question, output] as const].flatMap(
      ([user, assistant]): Message[] => [
        { role: "user", content: user },
        { role: "assistant", content: assistant },
      ],
    );
    if (messages.some(({ content }) => content.trim() === ""))
      return { dropped: "empty message", characters: charactersOfMessages(messages) };
    return { record: { messages, language, source } };
  };
