import fc from "fast-check";
import { expect, test } from "vitest";
import { createConversationSource } from "../../../src/data/loader/conversation-source.ts";
import type { Conversation, Message } from "../../../src/data/records.ts";
import { readGoldenJson } from "../../tokenizer/golden.ts";
import { documents, encoder } from "../shards/corpus.ts";

const end = encoder.specialTokenId("<|im_end|>");
const options = { batchSize: 2, sequenceLength: 128, seed: 3 };
const conversations: Conversation[] = documents.slice(0, 21).map(({ text, language, source }) => ({
  messages: [
    { role: "user", content: "?" },
    { role: "assistant", content: text },
  ],
  language,
  source,
}));

test("a row has Hugging Face's ids, and its loss mask is the golden assistant mask, one place earlier", async () => {
  const golden = readGoldenJson("chat.json") as {
    cases: { messages: Message[]; add_generation_prompt: boolean; ids: number[]; assistant_mask: number[] }[];
  };
  const chats = golden.cases.filter((chat) => !chat.add_generation_prompt);
  expect(chats).toHaveLength(2);
  for (const { messages, ids, assistant_mask: mask } of chats) {
    const source = createConversationSource([{ messages, language: "en", source: "golden" }], encoder, {
      ...options,
      batchSize: 1,
    });
    const { inputs, targets, lossMask } = await source.next();
    const length = ids.length - 1;
    expect([...inputs.slice(0, length)]).toEqual(ids.slice(0, -1));
    expect([...targets.slice(0, length)]).toEqual(ids.slice(1));
    expect([...lossMask]).toEqual([...mask.slice(1), ...new Array<number>(128 - length).fill(0)]);
    expect([...inputs.slice(length)].every((id) => id === end)).toBe(true);
  }
});

test("every conversation comes once an epoch, packed or not, and each answer's end is supervised", async () => {
  for (const packing of [false, true]) {
    const source = createConversationSource(conversations, encoder, {
      ...options,
      batchSize: 1,
      systemPrompt: null,
      packing,
    });
    let rows = 0;
    const answers: string[] = [];
    while ((source.cursor() as { epoch: number }).epoch === 0) {
      const { targets, lossMask } = await source.next();
      rows++;
      const said = encoder.decode(targets.filter((_, at) => lossMask[at] === 1));
      answers.push(...said.split("<|im_end|>").slice(0, -1));
    }
    expect(rows).toBe(source.rows);
    // A packed last row may hold the first conversations of the next epoch.
    const texts = conversations.map(({ messages }) => messages[1]?.content);
    expect(answers.slice(0, texts.length).sort()).toEqual(texts.sort());
  }
});

test("packed rows hold more, never a conversation cut in two", async () => {
  const packed = createConversationSource(conversations, encoder, {
    ...options,
    systemPrompt: null,
    packing: true,
  });
  const { targets, lossMask } = await packed.next();
  const turns = targets.filter((id, at) => id === end && lossMask[at] === 1).length;
  expect(turns).toBeGreaterThan(2);
  expect((packed.cursor() as { index: number }).index).toBe(turns);
});

test("long conversations are truncated and counted, those without an answer left dropped and counted", async () => {
  const question: Conversation = { messages: [{ role: "user", content: "Hi" }], language: "en", source: "s" };
  const late: Conversation = {
    messages: [
      { role: "user", content: "the river ".repeat(200) },
      { role: "assistant", content: "yes" },
    ],
    language: "en",
    source: "s",
  };
  const long: Conversation = {
    messages: [
      { role: "user", content: "?" },
      { role: "assistant", content: "the river ".repeat(200) },
    ],
    language: "en",
    source: "s",
  };
  const source = createConversationSource([question, late, long], encoder, {
    ...options,
    systemPrompt: null,
  });
  expect(source).toMatchObject({ conversations: 1, truncated: 1, dropped: { noAnswer: 2 } });
  const { targets, lossMask } = await source.next();
  expect(targets.filter((id, at) => id === end && lossMask[at] === 1)).toHaveLength(0);
  expect(() => createConversationSource([question], encoder, options)).toThrow(/None of 1 conversations/);
});

test("a source resumed at any cursor goes on as the uninterrupted one", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(30), fc.boolean(), async (before, packing) => {
      const create = () => createConversationSource(conversations, encoder, { ...options, packing });
      const straight = create();
      for (let i = 0; i < before; i++) await straight.next();
      const resumed = create();
      resumed.seek(straight.cursor());
      for (let i = 0; i < 3; i++) expect(await resumed.next()).toEqual(await straight.next());
    }),
    { numRuns: 20 },
  );
});

test("a batch names the conversations of its rows by their places in the data", async () => {
  const unanswered: Conversation = {
    messages: [{ role: "user", content: "?" }],
    language: "en",
    source: "golden",
  };
  for (const packing of [false, true]) {
    const source = createConversationSource([unanswered, ...conversations], encoder, {
      ...options,
      systemPrompt: null,
      packing,
    });
    for (let batch = 0; batch < 4; batch++) {
      const { targets, origins } = await source.next();
      const rows = (await origins?.()) ?? [];
      expect(rows).toHaveLength(2);
      for (const [row, text] of rows.entries()) {
        const numbers = text
          .replace(/^conversations? /, "")
          .split(", ")
          .map(Number);
        const written = encoder.decode(targets.slice(row * 128, (row + 1) * 128));
        for (const number of numbers)
          expect(written).toContain(conversations[number - 1]?.messages[1]?.content.slice(0, 12));
      }
    }
  }
});
