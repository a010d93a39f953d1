/** The records of src/data/records.ts as schemas: what a line of a data file must be. */
import { z } from "zod";
import type { Conversation, DataDocument, PreferencePair, Question } from "../records.ts";

export const languageSchema = z.enum(["en", "zh"]);

const message = z.strictObject({
  role: z.enum(["system", "user", "assistant"]),
  content: z.string(),
});
const origin = { language: languageSchema, source: z.string().min(1) };

export const documentSchema: z.ZodType<DataDocument> = z.strictObject({
  text: z.string().min(1),
  ...origin,
  category: z.string().min(1),
});

export const conversationSchema: z.ZodType<Conversation> = z.strictObject({
  messages: z
    .array(message)
    .min(1)
    .refine((messages) => messages.some((one) => one.role === "assistant"), "needs an assistant message"),
  ...origin,
});

const prompt = z
  .array(message)
  .min(1)
  .refine((messages) => messages.at(-1)?.role === "user", "must end with a user message");

export const preferenceSchema: z.ZodType<PreferencePair> = z
  .strictObject({ prompt, chosen: z.string().min(1), rejected: z.string().min(1), ...origin })
  .refine((pair) => pair.chosen !== pair.rejected, "chosen and rejected must differ");

export const questionSchema: z.ZodType<Question> = z
  .strictObject({
    prompt,
    choices: z.array(z.string().min(1)).min(2),
    answer: z.int().nonnegative(),
    ...origin,
  })
  .refine((question) => question.answer < question.choices.length, "answer must be the index of a choice")
  .refine((question) => new Set(question.choices).size === question.choices.length, "choices must differ");
