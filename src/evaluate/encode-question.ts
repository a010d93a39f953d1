/** A multiple-choice question as sequences to score: the chat up to the answer, then each choice as the answer. */
import type { Question } from "../data/records.ts";
import { encodeChat, type ChatOptions } from "../tokenizer/chat-template.ts";
import type { Encoder } from "../tokenizer/encoder.ts";
import type { EncodedQuestion } from "./multiple-choice.ts";

/** Scored are the tokens of the choice and its `<|im_end|>`: an answer is right when it ends there. */
export const encodeQuestion = (
  encoder: Encoder,
  { prompt, choices, answer }: Question,
  options: Pick<ChatOptions, "systemPrompt">,
): EncodedQuestion => ({
  answer,
  choices: choices.map((choice) => {
    const { ids, answers } = encodeChat(
      encoder,
      [...prompt, { role: "assistant", content: choice }],
      options,
    );
    const [start, end] = answers.at(-1) ?? [ids.length, ids.length];
    const mask = new Uint8Array(end);
    mask.fill(1, start, end);
    return { ids: ids.subarray(0, end), mask, characters: choice.length };
  }),
});
