/** Characters (UTF-16 units) of the text that records hold: the unit of every manifest. */
import type { Conversation, DataDocument, Message, PreferencePair, Question } from "../records.ts";

export function charactersOf(record: DataDocument | Conversation | PreferencePair | Question): number {
  if ("text" in record) return record.text.length;
  if ("messages" in record) return charactersOfMessages(record.messages);
  const prompt = charactersOfMessages(record.prompt);
  if ("choices" in record) return prompt + sum(record.choices);
  return prompt + record.chosen.length + record.rejected.length;
}

export const charactersOfMessages = (messages: readonly Message[]): number =>
  sum(messages.map(({ content }) => content));

const sum = (texts: readonly string[]): number => texts.reduce((total, text) => total + text.length, 0);
