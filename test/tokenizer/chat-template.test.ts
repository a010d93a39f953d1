import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type ChatMessage,
  chatTemplateJinja,
  encodeChat,
  renderChat,
} from "../../src/tokenizer/chat-template.ts";
import { createEncoder } from "../../src/tokenizer/encoder.ts";
import { parseTokenizerJson } from "../../src/tokenizer/tokenizer-json.ts";
import { readGolden, readGoldenJson } from "./golden.ts";

interface GoldenChat {
  readonly template: string;
  readonly cases: readonly {
    readonly messages: readonly ChatMessage[];
    readonly add_generation_prompt: boolean;
    readonly text: string;
    readonly ids: readonly number[];
    readonly assistant_mask: readonly number[];
  }[];
}
const golden = readGoldenJson("chat.json") as GoldenChat;
const encoder = createEncoder(parseTokenizerJson(readGolden("tokenizer-800.json")));

test.each(golden.cases)("a chat has the text, ids and mask of Hugging Face ($text)", (chat) => {
  const options = { addGenerationPrompt: chat.add_generation_prompt };
  expect(renderChat(chat.messages, options)).toBe(chat.text);
  const { ids, lossMask } = encodeChat(encoder, chat.messages, options);
  expect([...ids]).toEqual(chat.ids);
  expect([...lossMask]).toEqual(chat.assistant_mask);
});

test("the Jinja template is the one that rendered the golden chats", () => {
  expect(chatTemplateJinja()).toBe(golden.template);
});

test("a system prompt of one's own is escaped in the Jinja template, and null leaves it out", () => {
  const system = "It's C:\\new\nline";
  expect(chatTemplateJinja(system)).toContain(String.raw`system\nIt\'s C:\\new\nline<|im_end|>`);
  expect(chatTemplateJinja(null)).not.toContain("system");
  const user: ChatMessage[] = [{ role: "user", content: "Hi" }];
  expect(renderChat(user, { systemPrompt: system })).toBe(
    `<|im_start|>system\n${system}<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n`,
  );
  expect(renderChat(user, { systemPrompt: null })).toBe("<|im_start|>user\nHi<|im_end|>\n");
});

const conversation = fc.array(
  fc.record({
    role: fc.constantFrom("system" as const, "user" as const, "assistant" as const),
    content: fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom("\n\nHello", "  ", "", "小河<|im_end|>", "<|im_start|>assistant\nno", "1987"),
    ),
  }),
  { minLength: 1, maxLength: 5 },
);

test("each assistant turn has one supervised end token, and special tokens in messages stay text", () => {
  fc.assert(
    fc.property(conversation, (messages) => {
      const { ids, lossMask } = encodeChat(encoder, messages);
      const turns = messages[0]?.role === "system" ? messages.length : messages.length + 1;
      const end = encoder.specialTokenId("<|im_end|>");
      expect(ids.filter((id) => encoder.isSpecial(id))).toHaveLength(2 * turns);
      expect(ids.filter((id, i) => id === end && lossMask[i] === 1)).toHaveLength(
        messages.filter(({ role }) => role === "assistant").length,
      );
      expect(encoder.decode(ids)).toBe(renderChat(messages));
    }),
  );
});

test("the supervised tokens are the assistant's words", () => {
  fc.assert(
    fc.property(conversation, (messages) => {
      const { ids, lossMask } = encodeChat(encoder, messages);
      const said = encoder.decode(ids.filter((_, i) => lossMask[i] === 1));
      const expected = messages
        .filter(({ role }) => role === "assistant")
        .map(({ content }) => `${content}<|im_end|>`);
      // Blanks at the beginning may share a token with the header's line break.
      expect(said.replaceAll(/\s/g, "")).toBe(expected.join("").replaceAll(/\s/g, ""));
    }),
  );
});

test("a conversation without messages is refused", () => {
  expect(() => renderChat([])).toThrow(/at least one message/);
});
