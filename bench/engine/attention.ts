/** Causal attention in blocks of queries against the whole of it: time in one process in turn, memory in processes of their own. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { withMalloc } from "../../src/std/malloc.ts";
import type { AttentionJob, AttentionWork } from "../attention-work.ts";
import { median, row, type Benchmark } from "../row.ts";

const tokens = 2048;
const heads = { query: 9, keyValue: 3 };
const shapes = [
  { hiddenSize: 288, times: [128, 256, 512, 1024, 2048] },
  { hiddenSize: 576, times: [128, 256, 512, 1024, 2048] },
];
const blockLengths = [64, 128, 256, 512];
const rounds = 5;

export const attention: Benchmark = {
  name: "attention",
  description: "causal attention, forward and back, in blocks against whole, by length",
  async run(report) {
    for (const { hiddenSize, times } of shapes)
      for (const time of times) {
        const dim = hiddenSize / heads.query;
        const batch = tokens / time;
        const shape = { queries: [batch, heads.query, time, dim], keys: [batch, heads.keyValue, time, dim] };
        const lengths = blockLengths.filter((length) => length < time);
        const { milliseconds, system } = await run({ ...shape, blockLengths: [time, ...lengths], rounds });
        const memory = async (length: number) =>
          (await run({ ...shape, blockLengths: [length], rounds: 1 })).peakRssMb;
        const whole = await memory(time);
        for (const length of lengths) {
          const job = `${batch} x ${time} tokens, ${heads.query} heads of ${dim}, ${heads.keyValue} kv, blocks of ${length}, ${system}`;
          const compare = (what: string, unit: string, value: number, peerValue: number) => {
            report(
              row({ bench: "attention", job: `${what}, ${job}`, value, unit, peer: "whole", peerValue }),
            );
          };
          compare("time", "ms", median(milliseconds[length] ?? []), median(milliseconds[time] ?? []));
          compare("peak RSS", "MB", await memory(length), whole);
        }
      }
  },
};

async function run(job: AttentionJob): Promise<AttentionWork> {
  const script = join(dirname(fileURLToPath(import.meta.url)), "attention-work.mjs");
  const { stdout } = await execa(process.execPath, [script, JSON.stringify(job)], {
    env: withMalloc("tensors", { ...process.env, CUDA_VISIBLE_DEVICES: "-1" }),
  });
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as AttentionWork;
}
