import fc from "fast-check";
import { expect, test } from "vitest";
import { longWordBytes } from "../../src/tokenizer/long-words.ts";
import { PairCounts } from "../../src/tokenizer/pair-counts.ts";
import { PieceCounter } from "../../src/tokenizer/piece-counter.ts";
import { createTrainingWords } from "../../src/tokenizer/training-words.ts";

type Merge = readonly [first: number, second: number, merged: number];

const byteIds = Array.from({ length: 256 }, (_, byte) => byte);

/** Each text is one piece. */
function train(texts: readonly string[], merges: number): { merges: Merge[]; symbolsRead: number } {
  const counter = new PieceCounter();
  for (const text of texts) counter.addText(text, ({ length }) => length);
  const pairs = new PairCounts(createTrainingWords(counter, byteIds, 256 + merges), 1);
  pairs.countAll();
  const { queue } = pairs;
  const done: Merge[] = [];
  while (done.length < merges && queue.size > 0) {
    const [first, second, merged] = [queue.topFirst, queue.topSecond, 256 + done.length];
    const count = pairs.count(first, second);
    if (queue.topCount !== count) {
      queue.refreshTop(count);
      continue;
    }
    if (count < 1) break;
    done.push([first, second, merged]);
    pairs.merge(first, second, merged);
  }
  return { merges: done, symbolsRead: pairs.symbolsRead };
}

/** The definition: before each merge all pairs are counted anew; the words are merged left to right. */
function trainByDefinition(texts: readonly string[], count: number): Merge[] {
  let words = texts.map((text) => [...Buffer.from(text)]);
  const merges: Merge[] = [];
  while (merges.length < count) {
    const counts = new Map<number, number>();
    for (const word of words)
      for (let i = 0; i + 1 < word.length; i++) {
        const pair = (word[i] ?? 0) * 2 ** 16 + (word[i + 1] ?? 0);
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    const [best] = [...counts].sort(([a, m], [b, n]) => n - m || a - b);
    if (best === undefined) break;
    const [first, second, merged] = [Math.floor(best[0] / 2 ** 16), best[0] % 2 ** 16, 256 + merges.length];
    merges.push([first, second, merged]);
    words = words.map((word) => {
      const shorter: number[] = [];
      for (let i = 0; i < word.length; i++) {
        const found = word[i] === first && word[i + 1] === second;
        shorter.push(found ? merged : (word[i] ?? 0));
        if (found) i++;
      }
      return shorter;
    });
  }
  return merges;
}

/** A word without repetition that helps: bytes by a linear congruential generator (Knuth, MMIX). */
function longWord(length: number): string {
  let state = 1n;
  return Array.from({ length }, () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    return "abcdefgh"[Number(state >> 61n)] ?? "";
  }).join("");
}

test("long words are merged as short ones are: where the most frequent pair stands, left to right", () => {
  const repeated = fc
    .tuple(fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 40 }), fc.nat(60))
    .map(([unit, extra]) => unit.repeat(Math.ceil((longWordBytes + 1 + extra) / unit.length)));
  const random = fc.string({
    unit: fc.constantFrom("a", "b", "c"),
    minLength: longWordBytes - 20,
    maxLength: longWordBytes + 200,
  });
  const short = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(fc.array(fc.oneof(repeated, random, short), { minLength: 1, maxLength: 5 }), (texts) => {
      // Bytes that a merge made of one another, until nothing repeats and beyond.
      expect(train(texts, 60).merges).toEqual(trainByDefinition(texts, 60));
    }),
    { numRuns: 40, seed: 5 },
  );
});

test("equal long words count as often as they occur", () => {
  const [x, y] = [longWord(1500), "ih".repeat(600)];
  expect(train([x, y, y, x, y], 300).merges).toEqual(trainByDefinition([x, y, y, x, y], 300));
});

test("merging in a word without a break costs what is merged, not its length at every merge", () => {
  const merges = 2000;
  const [small, large] = [longWord(100_000), longWord(200_000)];
  // Every merge reads four symbols at each place where its pair was formed. Reading the word anew: merges × length.
  expect(train([small], merges).symbolsRead).toBeLessThan(100 * small.length);
  expect(train([large], merges).symbolsRead).toBeLessThan(100 * large.length);
});
