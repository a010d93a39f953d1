/**
 * Conversations, preference pairs and questions built from facts, by template. They are constructed, not collected:
 * whoever publishes a model trained on them must say so.
 */
import type { Conversation, PreferencePair, Question } from "../records.ts";
import type { Random } from "../random.ts";
import type { Fact, Relation } from "./fact.ts";
import { answerFor, pick, plainAnswerFor, promptFor } from "./templates.ts";

/** Facts by relation and by group, for drawing evenly over relations and for finding near misses. */
export class FactPool {
  readonly #byRelation = new Map<Relation, Fact[]>();
  readonly #byGroup = new Map<string, Fact[]>();
  #size = 0;

  add(fact: Fact): void {
    append(this.#byRelation, fact.relation, fact);
    append(this.#byGroup, groupKey(fact), fact);
    this.#size++;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Facts in random order, each at most once; relations take turns in proportion to the square root of their size,
   * so that 20,000 translations do not drown 200 capitals.
   */
  *draw(random: Random): Generator<Fact> {
    const queues = [...this.#byRelation.values()].map((facts) => ({
      facts: random.shuffle([...facts]),
      weight: Math.sqrt(facts.length),
    }));
    for (;;) {
      const total = queues.reduce((sum, queue) => sum + (queue.facts.length > 0 ? queue.weight : 0), 0);
      if (total === 0) return;
      let point = random.uniform() * total;
      const queue = queues.find(({ facts, weight }) => facts.length > 0 && (point -= weight) < 0);
      const fact = (queue ?? queues.find(({ facts }) => facts.length > 0))?.facts.pop();
      if (fact) yield fact;
    }
  }

  /** Up to `count` answers of other facts, near in kind and in length, all different from each other and from the answer. */
  nearMisses(fact: Fact, count: number, random: Random): string[] {
    const wrong = new Set<string>();
    for (const candidates of [this.#byGroup.get(groupKey(fact)), this.#byRelation.get(fact.relation)]) {
      if (!candidates) continue;
      const drawn = Array.from({ length: 24 }, () => candidates[random.nextInt(candidates.length)] ?? fact)
        .filter((other) => other.subject !== fact.subject && other.answer !== fact.answer)
        .sort((a, b) => distance(a, fact) - distance(b, fact));
      for (const { answer } of drawn) if (wrong.size < count) wrong.add(answer);
    }
    return [...wrong];
  }
}

const groupKey = (fact: Fact): string => `${fact.relation}\0${fact.group}`;
const distance = (a: Fact, b: Fact): number => Math.abs(a.answer.length - b.answer.length);

function append<K>(map: Map<K, Fact[]>, key: K, fact: Fact): void {
  const facts = map.get(key);
  if (facts) facts.push(fact);
  else map.set(key, [fact]);
}

export function conversationOf(fact: Fact, random: Random): Conversation {
  return {
    messages: [
      { role: "user", content: promptFor(fact, random) },
      { role: "assistant", content: answerFor(fact, fact.answer, random) },
    ],
    language: fact.language,
    source: fact.source,
  };
}

/** The ways of being wrong: another fact's answer, the answer cut short, the answer in the other language. */
type Miss = "near miss" | "truncated" | "other language";

/** Undefined where no wrong answer can be made of what the pool holds. */
export function preferenceOf(fact: Fact, pool: FactPool, random: Random): PreferencePair | undefined {
  const content = promptFor(fact, random);
  const [near] = pool.nearMisses(fact, 1, random);
  const misses: Miss[] = [];
  if (near !== undefined) misses.push("near miss", "near miss"); // the commonest mistake of a model
  if (fact.answer.length >= 8) misses.push("truncated");
  if (fact.otherLanguage !== undefined && fact.otherLanguage !== fact.answer) misses.push("other language");
  const [first, ...rest] = misses;
  if (first === undefined) return undefined;
  const wrong: Record<Miss, string> = {
    "near miss": near ?? "",
    truncated: fact.answer.slice(0, Math.ceil(fact.answer.length / 2)).trimEnd(),
    "other language": fact.otherLanguage ?? "",
  };
  const miss = pick([first, ...rest], random);
  const label = random.nextUint32().toString();
  const chosen = answerFor(fact, fact.answer, random.fork(label));
  const rejected = answerFor(fact, wrong[miss], random.fork(label)); // the same stream: the same phrasing
  if (chosen === rejected) return undefined;
  return {
    prompt: [{ role: "user", content }],
    chosen,
    rejected: miss === "truncated" ? rejected.replace(/[.。]$/u, "") : rejected,
    language: fact.language,
    source: fact.source,
  };
}

export const CHOICES = 4;

/** Undefined where the pool has no three other answers. */
export function questionOf(fact: Fact, pool: FactPool, random: Random): Question | undefined {
  const wrong = pool.nearMisses(fact, CHOICES - 1, random);
  if (wrong.length < CHOICES - 1) return undefined;
  const choices = random.shuffle([fact.answer, ...wrong]);
  return {
    prompt: [{ role: "user", content: promptFor(fact, random) }],
    choices: choices.map((choice) => plainAnswerFor(fact, choice)),
    answer: choices.indexOf(fact.answer),
    language: fact.language,
    source: fact.source,
  };
}
