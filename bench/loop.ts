/**
 * What a training costs beside its steps: waiting for batches, metrics, progress, checkpoints at the interval of the recipes.
 * Both figures are of one run of the loop itself, so that no other run's noise is between them.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { z } from "zod";
import { withMalloc } from "../src/std/malloc.ts";
import { Bars } from "./bars.ts";
import { median, row, type Benchmark } from "./row.ts";

/** Of the loop's time, in percent. */
const most = 3;
const rounds = 3;
/** As tiny.yaml and small.yaml have it. */
const checkpointEverySteps = 100;

interface Job {
  /** hidden layers vocab context batch heads kv intermediate */
  readonly sizes: readonly number[];
  readonly steps: number;
  readonly large?: true;
}

const jobs: readonly Job[] = [
  { sizes: [128, 4, 4096, 128, 8, 4, 4, 352], steps: 501 },
  { sizes: [288, 6, 8192, 256, 8, 9, 3, 768], steps: 201, large: true },
];

const Work = z.object({
  system: z.string(),
  parameters: z.int(),
  loopMs: z.number(),
  stepsMs: z.number(),
  checkpoints: z.int(),
});

export const loop: Benchmark = {
  name: "loop",
  description: "share of pretraining that is not in its steps (--large: the 7.7 M model too)",
  bar: `at most ${most} % of the loop's time`,
  async run(report, { large }) {
    const held = new Bars();
    for (const { sizes, steps, large: isLarge = false } of jobs) {
      if (isLarge && !large) continue;
      const works: z.infer<typeof Work>[] = [];
      for (let round = 0; round < rounds; round++) works.push(await measure(sizes, steps));
      const shares = works.map(({ loopMs, stepsMs }) => (100 * (loopMs - stepsMs)) / loopMs);
      const share = median(shares);
      const [first] = works;
      const name = `${steps} steps, ${first?.parameters} parameters, ${first?.system}`;
      report(
        row({
          bench: "loop",
          job: `beside the steps: ${name}`,
          value: share,
          unit: "%",
          peer: "none",
          peerValue: null,
          note: `${first?.checkpoints} checkpoints; rounds ${shares.map((each) => each.toFixed(2)).join(", ")}`,
        }),
      );
      held.require(share <= most, `${most} % beside the steps, ${name}`);
    }
    held.check();
  },
};

/** In the environment of a stage that trains. */
async function measure(sizes: readonly number[], steps: number): Promise<z.infer<typeof Work>> {
  const folder = await mkdtemp(join("cache", "bench", "loop-"));
  try {
    const script = fileURLToPath(new URL("loop-work.mjs", import.meta.url));
    const args = [script, folder, ...[steps, checkpointEverySteps, ...sizes].map(String)];
    const { stdout } = await execa(process.execPath, args, {
      env: withMalloc("tensors", { ...process.env, CUDA_VISIBLE_DEVICES: "-1" }),
      ipc: true,
    });
    return Work.parse(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? ""));
  } finally {
    await rm(folder, { recursive: true });
  }
}
