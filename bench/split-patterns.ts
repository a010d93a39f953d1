/**
 * What the expression that cuts text into pieces does for a small bilingual model: characters a token of a tokenizer of
 * 20,000 entries, and bits per byte of the tiny recipe, whose models are trained on the same number of bytes. It runs
 * this project's own pipeline, so artifacts/ holds the last variant afterwards.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { z } from "zod";
import { openDefaultCorpora } from "../src/data/corpora/default-corpora.ts";
import type { DataDocument } from "../src/data/records.ts";
import { createEncoder } from "../src/tokenizer/encoder.ts";
import type { SplitPattern } from "../src/tokenizer/split-pattern.ts";
import { createTokenizerReport } from "../src/tokenizer/tokenizer-report.ts";
import { trainBpe } from "../src/tokenizer/train-bpe.ts";
import { specialTokens } from "../stages/special-tokens.ts";
import { row, type BenchRow, type Benchmark } from "./row.ts";

const patterns = ["gpt2", "gpt4", "han"] as const satisfies readonly SplitPattern[];
const reference = "gpt2";
const vocabSize = 20_000;
/** Of the tiny recipe, with the tokens of the reference pattern. */
const steps = 1500;
/** Of the model: runs of one recipe differ by them, so that a single one would decide nothing. */
const seeds = [1, 2, 3] as const;
/** One document of so many is not trained on. */
const heldOutOneIn = 50;

const shardManifest = z.object({
  splits: z.object({ documents: z.object({ totals: z.object({ tokens: z.int(), bytes: z.int() }) }) }),
});
const scoresFile = z.object({
  scores: z.array(z.object({ metric: z.string(), language: z.string().optional(), value: z.number() })),
});

type Report = (row: BenchRow) => void;

export const splitPatternsBench: Benchmark = {
  name: "split-patterns",
  description: "characters a token and bits per byte of the tiny recipe by split pattern",
  large: true,
  async run(report) {
    await reportCharactersPerToken(report);
    await reportBitsPerByte(report);
  },
};

async function reportCharactersPerToken(report: Report): Promise<void> {
  const corpora = await openDefaultCorpora(() => false, { cacheDirectory: "cache/downloads" });
  const [training, heldOut]: [string[], DataDocument[]] = [[], []];
  let count = 0;
  for await (const item of corpora.items()) {
    if (!("document" in item)) continue;
    if (count++ % heldOutOneIn === 0) heldOut.push(item.document);
    else training.push(item.document.text);
  }
  const bytes = training.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const before = new Map<string, number>();
  for (const splitPattern of patterns) {
    const options = {
      vocabSize,
      minFrequency: 2,
      specialTokens,
      splitPattern,
      splitDigits: true,
      workers: 2,
    };
    const encoder = createEncoder(await trainBpe(training, options));
    const { languages } = await createTokenizerReport(encoder, heldOut);
    for (const [language, { charactersPerToken }] of Object.entries(languages)) {
      const job = `${splitPattern}, ${language}: ${vocabSize} entries trained on ${(bytes / 1e6).toFixed(1)} MB`;
      report(compared(job, charactersPerToken, "characters/token", before.get(language)));
      if (splitPattern === reference) before.set(language, charactersPerToken);
    }
  }
}

async function reportBitsPerByte(report: Report): Promise<void> {
  const before = new Map<string, number>();
  let referenceBytes = 0;
  for (const splitPattern of patterns) {
    const set = ["--set", `trainTokenizer.splitPattern=${splitPattern}`];
    await pipeline("run", "tokenize", ...set);
    const { tokens, bytes } = shardManifest.parse(readArtifact("tokenize/tokens/manifest.json")).splits
      .documents.totals;
    if (splitPattern === reference) referenceBytes = bytes / tokens;
    const trainedSteps = Math.round((steps * referenceBytes) / (bytes / tokens));
    const values = new Map<string, number[]>();
    for (const seed of seeds) {
      const own = ["--set", `pretrain.steps=${trainedSteps}`, "--set", `pretrain.seed=${seed}`];
      await pipeline("run", "eval-base", ...set, ...own);
      const { scores } = scoresFile.parse(readArtifact("eval-base/scores/scores.json"));
      for (const { metric, language = "all", value } of scores)
        if (metric === "bitsPerByte") values.set(language, [...(values.get(language) ?? []), value]);
    }
    for (const [language, ofSeeds] of values) {
      const mean = ofSeeds.reduce((sum, value) => sum + value, 0) / ofSeeds.length;
      const size = `${trainedSteps} steps, ${(bytes / tokens).toFixed(3)} bytes/token`;
      const job = `${splitPattern}, ${language}: tiny, ${size}, mean of ${seeds.length} seeds`;
      const note = ofSeeds.map((value) => value.toFixed(3)).join(", ");
      report({ ...compared(job, mean, "bits/byte", before.get(language)), note });
      if (splitPattern === reference) before.set(language, mean);
    }
  }
}

const compared = (job: string, value: number, unit: string, peerValue: number | undefined): BenchRow =>
  row({ bench: "split-patterns", job, value, unit, peer: reference, peerValue: peerValue ?? null });

const pipeline = (...commandLine: readonly string[]) =>
  execa(process.execPath, ["bin/pipeline.js", ...commandLine, "--config", "tiny"], {
    stdio: ["ignore", "ignore", "inherit"],
  });

const readArtifact = (path: string): unknown => JSON.parse(readFileSync(join("artifacts", path), "utf8"));
