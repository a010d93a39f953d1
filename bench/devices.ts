/** Steps on wasm shared by two processes against the same steps by one, in turn: all cores should work. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { z } from "zod";
import { Bars } from "./bars.ts";
import { median, row, type Benchmark } from "./row.ts";

const [rounds, steps] = [5, 20];
const least = 1.7;

const Side = z.object({ system: z.string(), tokensPerSecond: z.number(), firstLoss: z.number() });

export const devices: Benchmark = {
  name: "devices",
  description: "training steps on wasm by two processes against one",
  bar: `×${least} of one process; the same first loss`,
  async run(report) {
    const bars = new Bars();
    const [one, two]: [z.infer<typeof Side>[], z.infer<typeof Side>[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      one.push(await measure(1));
      two.push(await measure(2));
    }
    const [value, peerValue] = [two, one].map((side) =>
      median(side.map(({ tokensPerSecond }) => tokensPerSecond)),
    );
    const measured = row({
      bench: "devices",
      job: `128 4 4096 128 8 4 4 352, ${one[0]?.system}: two processes with a micro-batch each`,
      value: value ?? null,
      unit: "tokens/s",
      peer: "one process with both",
      peerValue: peerValue ?? null,
    });
    report(measured);
    const losses = new Set([...one, ...two].map(({ firstLoss }) => firstLoss));
    if (losses.size > 1) throw new Error(`the first losses differ: ${[...losses].join(", ")}`);
    bars.require((measured.ratio ?? 0) >= least, `×${least} of one process`);
    bars.check();
  },
};

async function measure(count: number): Promise<z.infer<typeof Side>> {
  const script = join(dirname(fileURLToPath(import.meta.url)), "device-steps.mjs");
  const { stdout } = await execa(process.execPath, [script, String(count), String(steps)]);
  return Side.parse(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? ""));
}
