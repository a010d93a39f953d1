/**
 * MinHash and its bands beside datasketch's (Python) on real text: windows over Moby-Dick and over Chinese classics, so far apart
 * that pairs have every similarity. Not speed: errors of the estimates, and how many pairs are found of those that theory promises.
 */
import { mkdirSync } from "node:fs";
import { z } from "zod";
import { openDefaultCorpora } from "../src/data/corpora/default-corpora.ts";
import { createRandom, type Random } from "../src/data/random.ts";
import { nearDuplicateParams } from "../src/data/sampling/filters/near-duplicates.ts";
import {
  compareTexts,
  estimateErrors,
  expectedCandidates,
  type Comparison,
} from "../test/data/sampling/filters/minhash-accuracy.ts";
import { missingModules, runPeer } from "./python.ts";
import { row, type Benchmark } from "./row.ts";

const downloads = "cache/downloads";
/** Characters of text and of a window, by language. */
const sizes = { en: { text: 1_000_000, window: 2500 }, zh: { text: 300_000, window: 700 } } as const;
/** Less similar pairs by chance have a shingle or two in common, and their deviation is too small to measure by. */
const leastSimilarity = 0.05;

const answer = z.object({
  system: z.string(),
  pairs: z.array(z.tuple([z.int(), z.int(), z.number(), z.number()])),
  candidates: z.array(z.tuple([z.int(), z.int()])),
});

export const nearDuplicates: Benchmark = {
  name: "near-duplicates",
  description: "errors of MinHash and banding on real text",
  bar: "the similarities of pairs as datasketch counts them",
  async run(report) {
    const missing = await missingModules(["datasketch"]);
    const params = nearDuplicateParams.parse({});
    const { bands, rows, shingle } = params;
    for (const language of ["en", "zh"] as const) {
      const texts = windows(await realText(language), sizes[language].window, createRandom(language));
      const ours = compareTexts(texts, params);
      const peer =
        missing === undefined
          ? answer.parse(await runPeer("datasketch_pairs.py", [], { texts, bands, rows, shingle }))
          : undefined;
      if (peer) refuseOtherSimilarities(ours, peer);
      const figures = (comparison: Comparison) => {
        const pairs = comparison.pairs.filter(([, , similarity]) => similarity >= leastSimilarity);
        const { count, deviation } = expectedCandidates(comparison.pairs, params);
        return {
          ...estimateErrors(pairs, bands * rows),
          count,
          deviation: deviation / count,
          found: comparison.candidates.length / count,
        };
      };
      const mine = figures(ours);
      const theirs = peer && figures(peer);
      const fields = { bench: "near-duplicates", peer: peer?.system ?? "datasketch" };
      const remark = (text: string): string => missing ?? text;
      const what = `${texts.length} ${language} texts`;
      report(
        row({
          ...fields,
          job: `${what}: root mean square error of similarities, in √(s(1-s)/${bands * rows})`,
          value: mine.rootMeanSquare,
          unit: "deviations",
          peerValue: theirs?.rootMeanSquare ?? null,
          note: remark(`mean error ${mine.mean.toFixed(3)}, there ${theirs?.mean.toFixed(3) ?? "?"}`),
        }),
      );
      report(
        row({
          ...fields,
          job: `${what}: pairs found of the ${mine.count.toFixed(0)} that are promised`,
          value: mine.found,
          unit: "of them",
          peerValue: theirs?.found ?? null,
          note: remark(`give or take ${mine.deviation.toFixed(3)}, were pairs independent`),
        }),
      );
    }
  },
};

async function realText(language: "en" | "zh"): Promise<string> {
  mkdirSync(downloads, { recursive: true });
  const corpora = await openDefaultCorpora(() => false, { cacheDirectory: downloads });
  const categories = language === "en" ? ["novel"] : ["classics", "poetry"];
  let text = "";
  for await (const item of corpora.items()) {
    if (!("document" in item) || item.document.language !== language) continue;
    if (categories.includes(item.document.category)) text += `${item.document.text}\n`;
    if (text.length >= sizes[language].text) break;
  }
  return text;
}

/** At every place three, the second and third moved on by a random share of their length, more often by little. */
function windows(text: string, length: number, random: Random): string[] {
  const found: string[] = [];
  for (let place = 0; place + 2 * length <= text.length; place += 2 * length)
    for (const shift of [0, random.uniform() ** 2, random.uniform() ** 2]) {
      const from = place + Math.floor(shift * length * 0.8);
      found.push(text.slice(from, from + length));
    }
  return found;
}

/** Throws unless both see the same shingles. */
function refuseOtherSimilarities(ours: Comparison, theirs: Comparison): void {
  const known = new Map(ours.pairs.map(([i, j, similarity]) => [`${i} ${j}`, similarity]));
  const other = theirs.pairs.filter(
    ([i, j, similarity]) => Math.abs((known.get(`${i} ${j}`) ?? -1) - similarity) > 1e-9,
  );
  if (other.length > 0 || known.size !== theirs.pairs.length)
    throw new Error(
      `${other.length} of ${theirs.pairs.length} similarities differ, such as that of ${String(other[0])}`,
    );
}
