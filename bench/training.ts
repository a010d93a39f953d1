/**
 * Training a tokenizer against Hugging Face's Rust trainer: the same file, whose lines are the texts, the same
 * pre-tokenizer, as many threads as there are CPUs on both sides. A vocabulary or merge that differs is a failure.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { z } from "zod";
import type { BpeModel } from "../src/tokenizer/bpe-model.ts";
import { trainBpe } from "../src/tokenizer/train-bpe.ts";
import { specialTokens } from "../stages/special-tokens.ts";
import { missingModules, runPeer } from "./python.ts";
import { row, type Benchmark } from "./row.ts";

const trainingOptions = {
  vocabSize: 20_000,
  minFrequency: 2,
  specialTokens,
  splitPattern: "gpt2",
  splitDigits: true,
} as const;

const peerAnswer = z.object({
  system: z.string(),
  seconds: z.number(),
  peakBytes: z.number(),
  tokens: z.array(z.string()),
  merges: z.array(z.tuple([z.string(), z.string()])),
});

export const training: Benchmark = {
  name: "training",
  description: "training a tokenizer of 20,000 entries on the lines of --text FILE",
  large: true,
  async run(report, { text }) {
    const { vocabSize } = trainingOptions;
    if (text === undefined) {
      const job = `train ${vocabSize} entries`;
      const note = "skipped: name a text file with --text";
      report(row({ bench: "training", job, value: null, unit: "s", peer: "none", peerValue: null, note }));
      return;
    }
    const workers = availableParallelism();
    const start = performance.now();
    const model = await trainBpe(lines(text), { ...trainingOptions, workers });
    const seconds = (performance.now() - start) / 1000;
    const peakMegabytes = process.resourceUsage().maxRSS / 1000; // in kB there

    const missing = await missingModules(["tokenizers"]);
    const peer =
      missing === undefined
        ? peerAnswer.parse(await runPeer("tokenizers_train.py", [text], trainingOptions))
        : undefined;
    if (peer !== undefined) checkEqual(model, peer);
    const megabytes = ((await stat(text)).size / 1e6).toFixed(1);
    const job = `train ${model.tokens.length} entries on ${megabytes} MB, ${workers} threads`;
    const fields = { bench: "training", peer: peer?.system ?? "none", ...(missing && { note: missing }) };
    report(row({ ...fields, job, value: seconds, unit: "s", peerValue: peer?.seconds ?? null }));
    report(
      row({
        ...fields,
        job: `${job}: peak resident memory of the process`,
        value: peakMegabytes,
        unit: "MB",
        peerValue: peer === undefined ? null : peer.peakBytes / 1e6,
      }),
    );
  },
};

/** Lines with their ends: what Hugging Face takes for the texts of a file. */
async function* lines(path: string): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of createReadStream(path, { encoding: "utf8", highWaterMark: 1 << 18 })) {
    const found = (rest + String(chunk)).split(/(?<=\n)/);
    rest = found.pop() ?? "";
    yield* found;
  }
  if (rest !== "") yield rest;
}

/** Throws at the first token or merge that differs: speeds of different results do not compare. */
function checkEqual({ tokens, merges }: BpeModel, peer: z.infer<typeof peerAnswer>): void {
  const ours = merges.map(([first, second]) => `${tokens[first]} ${tokens[second]}`);
  const theirs = peer.merges.map((pair) => pair.join(" "));
  for (const [what, a, b] of [["token", tokens, peer.tokens] as const, ["merge", ours, theirs] as const]) {
    const at = Array.from({ length: Math.max(a.length, b.length) }, (_, index) => index).find(
      (index) => a[index] !== b[index],
    );
    if (at !== undefined) throw new Error(`${what} ${at} is ${a[at]} here and ${b[at]} there`);
  }
}
