/**
 * Training a tokenizer against Hugging Face's Rust trainer: the same file, whose lines are the texts, the same
 * pre-tokenizer, as many threads as there are CPUs on both sides. A vocabulary or merge that differs is a failure, and
 * so is taking longer.
 */
import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { z } from "zod";
import type { BpeModel } from "../src/tokenizer/bpe-model.ts";
import type { TrainBpeOptions } from "../src/tokenizer/train-bpe.ts";
import { specialTokens } from "../stages/special-tokens.ts";
import { missingModules, runPeer } from "./python.ts";
import { row, type Benchmark } from "./row.ts";
import { trainingText } from "./training-text.ts";
import type { TrainingWork } from "./training-work.ts";

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
  description:
    "training a tokenizer of 20,000 entries on --megabytes of text (20), or the lines of --text FILE",
  bar: "not slower than Hugging Face's trainer, and the same merges",
  large: true,
  async run(report, { megabytes: wanted, text = "" }) {
    const path = text === "" ? await trainingText(wanted) : text;
    const workers = availableParallelism();
    const { seconds, peakBytes, model } = await train(path, { ...trainingOptions, workers });
    const peakMegabytes = peakBytes / 1e6;

    const missing = await missingModules(["tokenizers"]);
    const peer =
      missing === undefined
        ? peerAnswer.parse(await runPeer("tokenizers_train.py", [path], trainingOptions))
        : undefined;
    if (peer !== undefined) checkEqual(model, peer);
    const megabytes = ((await stat(path)).size / 1e6).toFixed(1);
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
    if (peer !== undefined && seconds > peer.seconds) throw new Error("slower than the peer");
  },
};

async function train(path: string, options: TrainBpeOptions): Promise<TrainingWork> {
  const script = fileURLToPath(new URL("training-work.mjs", import.meta.url));
  const { stdout } = await execa(process.execPath, [script, path, JSON.stringify(options)]);
  return JSON.parse(stdout) as TrainingWork;
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
