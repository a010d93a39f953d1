/** How facts are asked for and answered: several phrasings for each relation. `{s}` subject, `{a}` answer, `{c}` context. */
import type { Random } from "../random.ts";
import type { Fact, Relation } from "./fact.ts";

interface Phrasings {
  readonly prompts: readonly [string, ...string[]];
  /** The first is the plainest; questions use it for every choice. */
  readonly answers: readonly [string, ...string[]];
}

const PHRASINGS: Readonly<Record<Relation, Phrasings>> = {
  "chinese-to-english": {
    prompts: [
      "What does “{s}” mean in English?",
      "Translate “{s}” into English.",
      "What is the English for “{s}”?",
      "“{s}”用英语怎么说？",
      "请把“{s}”翻译成英语。",
    ],
    answers: ["{a}", "“{s}” means “{a}”."],
  },
  "english-to-chinese": {
    prompts: [
      "“{s}”用中文怎么说？",
      "请把“{s}”翻译成中文。",
      "“{s}”的中文意思是什么？",
      "How do you say “{s}” in Chinese?",
      "Translate “{s}” into Chinese.",
    ],
    answers: ["{a}", "“{s}”的中文是“{a}”。"],
  },
  definition: {
    prompts: [
      "What does “{s}” mean?",
      "Define “{s}”.",
      "What is the meaning of the word “{s}”?",
      "Explain the word “{s}” in one sentence.",
    ],
    answers: ["{a}.", "“{s}” means {a}."],
  },
  capital: {
    prompts: ["What is the capital of {s}?", "Name the capital of {s}.", "Which city is the capital of {s}?"],
    answers: ["{a}.", "The capital of {s} is {a}."],
  },
  "capital-zh": {
    prompts: ["{s}的首都是哪里？", "{s}的首都是哪座城市？", "请问{s}的首都叫什么？"],
    answers: ["{a}。", "{s}的首都是{a}。"],
  },
  continent: {
    prompts: [
      "On which continent is {s}?",
      "Which continent does {s} belong to?",
      "Where in the world is {s}?",
    ],
    answers: ["{a}.", "{s} is in {a}."],
  },
  "continent-zh": {
    prompts: ["{s}在哪个洲？", "{s}位于哪个大洲？", "请问{s}属于哪个洲？"],
    answers: ["{a}。", "{s}在{a}。"],
  },
  currency: {
    prompts: [
      "What is the currency of {s}?",
      "Which money is used in {s}?",
      "What do people in {s} pay with?",
    ],
    answers: ["{a}.", "The currency of {s} is the {a}."],
  },
  "country-name-zh": {
    prompts: ["{s}用中文怎么说？", "What is the Chinese name of {s}?", "国家名“{s}”的中文是什么？"],
    answers: ["{a}。", "{s}的中文名是{a}。"],
  },
  "next-line": {
    prompts: [
      "“{s}”的下一句是什么？",
      "请接下一句：{s}，",
      "{c}的第一句是“{s}”，下一句是什么？",
      "背一句诗：“{s}”后面是哪一句？",
    ],
    answers: ["{a}。", "{s}，{a}。", "下一句是“{a}”。"],
  },
  saying: {
    prompts: ["歇后语“{s}”的下半句是什么？", "请说出歇后语的后半句：{s}——", "“{s}”是什么意思？"],
    answers: ["{a}。", "{s}——{a}。"],
  },
  "api-field": {
    prompts: [
      "在 {c} 接口中，字段 {s} 表示什么？",
      "参数 {s} 是什么意思（{c}）？",
      "请说明 {c} 服务中的 {s} 字段。",
    ],
    answers: ["{a}。", "{s} 表示{a}。"],
  },
};

export const promptFor = (fact: Fact, random: Random): string =>
  fill(pick(PHRASINGS[fact.relation].prompts, random), fact, fact.answer);

/** `answer` in a phrasing of its own; two calls with equal random streams give one phrasing. */
export const answerFor = (fact: Fact, answer: string, random: Random): string =>
  fill(pick(PHRASINGS[fact.relation].answers, random), fact, answer);

export const plainAnswerFor = (fact: Fact, answer: string): string =>
  fill(PHRASINGS[fact.relation].answers[0], fact, answer);

export function pick<T>(items: readonly [T, ...T[]], random: Random): T {
  return items[random.nextInt(items.length)] ?? items[0];
}

function fill(template: string, fact: Fact, answer: string): string {
  return template
    .replaceAll(/\{([sac])\}/gu, (_, name: string) =>
      name === "s" ? fact.subject : name === "a" ? answer : (fact.context ?? ""),
    )
    .replace(/^\p{Ll}/u, (letter) => (/^\{.*\.$/su.test(template) ? letter.toUpperCase() : letter)) // a sentence
    .replace(/([.。])[.。]$/u, "$1"); // an abbreviation's full stop ends the sentence too
}
