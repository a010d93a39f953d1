/**
 * Tokens per second of the compiled training step, and peak memory, against the same model, batch and optimizer in
 * PyTorch eager. Each measurement is a process of its own; the two sides take turns, because machines drift.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { z } from "zod";
import { recomputeChoices, type Recompute } from "../src/model/llama.ts";
import { withMalloc } from "../src/std/malloc.ts";
import { Bars } from "./bars.ts";
import { missingModules, runPeer } from "./python.ts";
import { median, row, type Benchmark } from "./row.ts";

interface Job {
  /** hidden layers vocab context batch heads kv intermediate */
  readonly sizes: readonly number[];
  /** Of one process; the first three warm up. */
  readonly steps: number;
  readonly rounds: number;
  /** On our side; PyTorch's attention keeps no weights either. */
  readonly recompute?: Recompute;
  readonly large?: true;
  readonly bars: JobBars;
}

interface JobBars {
  /** Tokens per second, of PyTorch's. */
  readonly leastSpeed: number;
  /** Peak RSS, of PyTorch's. */
  readonly mostMemory?: number;
  readonly mostStartSeconds?: number;
}

const jobs: readonly Job[] = [
  { sizes: [128, 4, 4096, 128, 8, 4, 4, 352], steps: 23, rounds: 5, bars: { leastSpeed: 1.5 } },
  { sizes: [288, 6, 8192, 256, 8, 9, 3, 768], steps: 8, rounds: 5, bars: { leastSpeed: 1.3 } },
  {
    sizes: [576, 30, 20_000, 512, 2, 9, 3, 1536],
    steps: 6,
    rounds: 5,
    recompute: "activations",
    large: true,
    bars: { leastSpeed: 1.2, mostMemory: 1, mostStartSeconds: 20 },
  },
];

const Side = z.object({
  system: z.string(),
  parameters: z.int(),
  tokensPerSecond: z.number(),
  peakRssMb: z.number(),
  compileAndFirstStepMs: z.number().optional(),
  firstLoss: z.number(),
});
type Side = z.infer<typeof Side>;

export const pretraining: Benchmark = {
  name: "pretraining",
  description: "tokens per second and peak memory of the training step (--large: the 117.7 M model too)",
  bar: `${jobs.map(({ bars }) => `×${bars.leastSpeed}`).join(", ")} of PyTorch; large: ×1 of its memory, 20 s for compilation and first step`,
  async run(report, { large }) {
    const missing = await missingModules(["torch"]);
    const held = new Bars();
    for (const job of jobs) {
      if (job.large === true && !large) continue;
      const [ours, theirs]: [Side[], Side[]] = [[], []];
      for (let round = 0; round < job.rounds; round++) {
        ours.push(
          await runOurs([...job.sizes, job.steps, recomputeChoices.indexOf(job.recompute ?? "none")]),
        );
        if (missing === undefined)
          theirs.push(Side.parse(await runPeer("pytorch_llama.py", [...job.sizes, job.steps])));
      }
      checkSameModel(ours[0], theirs[0]);
      const name = `${job.sizes.join(" ")} (${ours[0]?.parameters} parameters), ${ours[0]?.system}`;
      const compare = (what: string, unit: string, valueOf: (side: Side) => number) => {
        const compared = row({
          bench: "pretraining",
          job: `${what}, ${name}`,
          value: median(ours.map(valueOf)),
          unit,
          peer: theirs[0]?.system ?? "torch eager float32",
          peerValue: theirs.length === 0 ? null : median(theirs.map(valueOf)),
          ...(missing === undefined ? {} : { note: missing }),
        });
        report(compared);
        return compared.ratio;
      };
      const { leastSpeed, mostMemory = Infinity, mostStartSeconds = Infinity } = job.bars;
      const speed = compare("training step", "tokens/s", ({ tokensPerSecond }) => tokensPerSecond);
      held.require(speed === null || speed >= leastSpeed, `×${leastSpeed} in speed, ${name}`);
      const memory = compare("peak RSS", "MB", ({ peakRssMb }) => peakRssMb);
      held.require(memory === null || memory <= mostMemory, `×${mostMemory} in memory, ${name}`);
      const startMs = ours.flatMap(({ compileAndFirstStepMs: ms }) => (ms === undefined ? [] : [ms]));
      const startSeconds = median(startMs) / 1000;
      report(
        row({
          bench: "pretraining",
          job: `compilation and first step, ${name}`,
          value: startSeconds,
          unit: "s",
          peer: "none",
          peerValue: null,
        }),
      );
      held.require(
        startSeconds <= mostStartSeconds,
        `compilation and first step in ${mostStartSeconds} s, ${name}`,
      );
    }
    held.check();
  },
};

/** Our side on the CPU, as PyTorch runs there, and in the environment that the runner gives a stage. */
async function runOurs(args: readonly number[]): Promise<Side> {
  const script = join(dirname(fileURLToPath(import.meta.url)), "train-steps.mjs");
  const { stdout } = await execa(process.execPath, [script, ...args.map(String)], {
    env: withMalloc("tensors", { ...process.env, CUDA_VISIBLE_DEVICES: "-1" }),
  });
  return Side.parse(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? ""));
}

/** Throws where the two sides did not train models of one size. */
function checkSameModel(ours: Side | undefined, theirs: Side | undefined): void {
  if (ours === undefined || theirs === undefined) return;
  if (ours.parameters !== theirs.parameters)
    throw new Error(`ours has ${ours.parameters} parameters, PyTorch's model ${theirs.parameters}`);
}
