import { expect, test } from "vitest";
import {
  conversationOf,
  FactPool,
  preferenceOf,
  questionOf,
} from "../../../src/data/corpora/constructed-records.ts";
import { sideOf, type Fact } from "../../../src/data/corpora/fact.ts";
import { createRandom } from "../../../src/data/random.ts";

const capital = (index: number): Fact => ({
  relation: "capital",
  keys: [`Country ${index}`],
  subject: `Country ${index}`,
  answer: `Capital${index}`,
  otherLanguage: `首都${index}`,
  group: String(index % 2),
  language: "en",
  source: "test",
});

function poolOf(facts: readonly Fact[]): FactPool {
  const pool = new FactPool();
  for (const fact of facts) pool.add(fact);
  return pool;
}
const facts = Array.from({ length: 40 }, (_, index) => capital(index + 10));
const pool = poolOf(facts);

test("a conversation asks about the fact and answers it truly, in several phrasings that the seed chooses", () => {
  const random = createRandom(1);
  const made = Array.from({ length: 30 }, () => conversationOf(capital(10), random));
  for (const { messages } of made) {
    expect(messages.map(({ role }) => role)).toEqual(["user", "assistant"]);
    expect(messages[0]?.content).toContain("Country 10");
    expect(messages[1]?.content).toContain("Capital10");
  }
  expect(new Set(made.map(({ messages }) => messages[0]?.content)).size).toBeGreaterThan(1);
  expect(new Set(made.map(({ messages }) => messages[1]?.content)).size).toBeGreaterThan(1);
  expect(conversationOf(capital(10), createRandom(2))).toEqual(conversationOf(capital(10), createRandom(2)));
});

test("a pair sets the true answer against another fact's, a cut one or one in the other language, phrased alike", () => {
  const random = createRandom(1);
  const kinds = new Set<string>();
  for (const fact of facts) {
    for (let time = 0; time < 5; time++) {
      const pair = preferenceOf(fact, pool, random);
      expect(pair?.chosen).toContain(fact.answer);
      expect(pair?.rejected).not.toContain(fact.answer);
      const rejected = pair?.rejected ?? "";
      if (/首都/u.test(rejected)) kinds.add("other language");
      else if (facts.some(({ answer }) => rejected.includes(answer))) kinds.add("near miss");
      else if (/Capi$|Capit$|Capita$/u.test(rejected)) kinds.add("truncated");
      // The phrasing is the same on both sides: nothing but the answer tells them apart.
      expect(rejected.startsWith("The capital of")).toBe(pair?.chosen.startsWith("The capital of"));
    }
  }
  expect(kinds).toEqual(new Set(["near miss", "truncated", "other language"]));
});

test("a question has the true answer once among four different ones; without enough wrong ones there is none", () => {
  const random = createRandom(1);
  for (const fact of facts) {
    const question = questionOf(fact, pool, random);
    expect(new Set(question?.choices).size).toBe(4);
    expect(question?.choices[question.answer]).toBe(`${fact.answer}.`);
    expect(question?.choices.filter((choice) => choice === `${fact.answer}.`)).toHaveLength(1);
  }
  expect(questionOf(capital(10), poolOf([capital(10), capital(11), capital(12)]), random)).toBeUndefined();
  expect(
    preferenceOf({ ...capital(1), answer: "A", otherLanguage: "A" }, poolOf([]), random),
  ).toBeUndefined();
});

test("every fact is drawn once, and a small relation is not drowned by a large one", () => {
  const many = Array.from({ length: 2500 }, (_, index): Fact => ({
    ...capital(index),
    relation: "definition",
    keys: [`w${index}`],
  }));
  const mixed = poolOf([...many, ...facts.slice(0, 25)]);
  const drawn = [...mixed.draw(createRandom(1))];
  expect(drawn).toHaveLength(2525);
  expect(new Set(drawn).size).toBe(2525);
  // 25 of 2,525 are 1 percent; by square roots they are 5 of 55 until they are used up.
  expect(drawn.slice(0, 110).filter(({ relation }) => relation === "capital").length).toBeGreaterThan(3);
});

test("a fact is asked about if its subject is reserved, and used for text only if none of its keys is", () => {
  const fact: Fact = { ...capital(1), keys: ["subject", "answer"] };
  expect(sideOf(fact, (key) => key === "subject")).toBe("question");
  expect(sideOf(fact, (key) => key === "answer")).toBe("neither");
  expect(sideOf(fact, () => false)).toBe("text");
});
