import { expect, test } from "vitest";
import { deepctrlConversation } from "../../../src/data/adapters/deepctrl.ts";
import { parseIndustryPath } from "../../../src/data/adapters/industry-corpus.ts";
import { smoltalkConversation } from "../../../src/data/adapters/smoltalk.ts";
import { binarizedPair } from "../../../src/data/adapters/ultrafeedback-binarized.ts";
import { ultrafeedbackPair } from "../../../src/data/adapters/ultrafeedback.ts";

test("language, category and quality are taken from the path, which is all that tells them", () => {
  expect(parseIndustryPath("news_media/chinese/high/rank_00001.parquet")).toEqual({
    category: "news_media",
    language: "zh",
    quality: "high",
  });
  expect(parseIndustryPath("sports/english/middle/rank_12345.parquet")).toMatchObject({
    language: "en",
    quality: "middle",
  });
  for (const other of [
    "README.md",
    "news/german/high/rank_1.parquet",
    "news/english/best/rank_1.parquet",
    "high/rank_1.parquet",
  ]) {
    expect(parseIndustryPath(other)).toBeUndefined();
  }
});

test("rows that are not as they should be are dropped with a reason, never silently", () => {
  const user = { role: "user", content: "Q" };
  const assistant = { role: "assistant", content: "A" };
  expect(smoltalkConversation({ messages: [user, assistant] }, "s")).toEqual({
    record: { messages: [user, assistant], language: "en", source: "s" },
  });
  expect(smoltalkConversation({ conversations: [] }, "s")).toMatchObject({
    dropped: expect.any(String) as string,
  });
  expect(smoltalkConversation({ messages: [assistant, user] }, "s")).toMatchObject({
    dropped: "does not end with the assistant",
  });
  expect(
    binarizedPair({ chosen: [user, assistant], rejected: [user, { ...assistant, content: "B" }] }, "s"),
  ).toEqual({
    record: { prompt: [user], chosen: "A", rejected: "B", language: "en", source: "s" },
  });
  expect(binarizedPair({ chosen: [user, assistant], rejected: [user, assistant] }, "s")).toMatchObject({
    dropped: "chosen equals rejected",
  });
  expect(binarizedPair({ instruction: "x", completions: [] }, "s")).toMatchObject({
    dropped: expect.any(String) as string,
  });
});

const answer = (response: string, overall: unknown, fineGrained: unknown) => ({
  response,
  model: "m",
  overall_score: overall,
  "fine-grained_score": fineGrained,
});
const scored = (...completions: object[]) => ultrafeedbackPair({ instruction: "Why?", completions }, "s");

test("openbmb UltraFeedback: the best answer is chosen, a worse one rejected, the same one for the same row", () => {
  const completions = [
    answer("poor", 3, 2),
    answer("best", 9n, 4.75),
    answer("fair", "6.5", 3),
    answer("as good", 9, 4.5),
  ];
  const { record } = scored(...completions) as Extract<ReturnType<typeof scored>, { record: unknown }>;
  expect(record).toMatchObject({
    prompt: [{ role: "user", content: "Why?" }],
    chosen: "best",
    language: "en",
  });
  expect(["poor", "fair"]).toContain(record.rejected);
  expect(scored(...completions)).toEqual({ record });
  const rejected = new Set(
    Array.from({ length: 40 }, (_, index) =>
      JSON.stringify(ultrafeedbackPair({ instruction: `Why ${index}?`, completions }, "s")).includes(
        '"rejected":"fair"',
      ),
    ),
  );
  expect(rejected.size).toBe(2); // not always the worst
});

test("openbmb UltraFeedback: a score of 10 is believed only where the fine-grained mean is above 4", () => {
  expect(scored(answer("a", 10, 4.25), answer("b", 5, 3))).toMatchObject({
    record: { chosen: "a", rejected: "b" },
  });
  for (const mean of [4, 1.5, null])
    expect(scored(answer("a", 10, mean), answer("b", 5, 3))).toEqual({
      dropped: "a score of 10 that the fine-grained scores deny",
      characters: 6,
    });
});

test("openbmb UltraFeedback: rows without two answers of different scores are dropped with a reason", () => {
  const reason = (...completions: object[]) => (scored(...completions) as { dropped: string }).dropped;
  expect(reason(answer("a", 5, 3))).toBe("fewer than two answers");
  expect(reason(answer("a", 5, 3), answer("b", 5, 4))).toBe("all answers have one score");
  expect(reason(answer(" ", 6, 3), answer("b", 5, 4))).toBe("empty answer");
  expect(reason(answer("a", 6, 3), answer("a", 5, 4))).toBe("chosen equals rejected");
  expect(reason(answer("a", "N/A", 3), answer("b", 5, 4))).toContain("not as they should be");
  expect(ultrafeedbackPair({ prompt: "x", chosen: [], rejected: [] }, "s")).toHaveProperty("dropped");
});

test("deepctrl: the turns before, then instruction with input, then output", () => {
  const adapt = deepctrlConversation("zh");
  const row = { instruction: "翻译", input: "hello", output: "你好", history: [["在吗", "在"]], id: 1 };
  expect(adapt(row, "s")).toEqual({
    record: {
      messages: [
        { role: "user", content: "在吗" },
        { role: "assistant", content: "在" },
        { role: "user", content: "翻译\nhello" },
        { role: "assistant", content: "你好" },
      ],
      language: "zh",
      source: "s",
    },
  });
  expect(adapt({ instruction: "问", output: "答" }, "s")).toMatchObject({
    record: { messages: [{ content: "问" }, { content: "答" }] },
  });
  expect(adapt({ ...row, output: " " }, "s")).toMatchObject({ dropped: "empty message" });
  expect(adapt({ ...row, history: [["one"]] }, "s")).toMatchObject({
    dropped: "fields are not as they should be",
  });
  expect(adapt({ conversations: [] }, "s")).toMatchObject({ dropped: "fields are not as they should be" });
});
