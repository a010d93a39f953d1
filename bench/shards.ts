/**
 * Token shards: writing them against plain writes to the same disk, mixing them in memory that must not grow with them,
 * and reading batches against what a training step consumes. Each piece of work is a process of its own.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { Bars } from "./bars.ts";
import { median, row, type Benchmark } from "./row.ts";
import type { ShardWork } from "./shard-work.ts";

const bars = { writtenMbPerSecond: 200, mixedMbPerSecond: 200, peakRssMb: 1000, loadedPerTrained: 50 };
/** A disk is not as fast twice: of writing and mixing the median counts. */
const rounds = 3;

export const shards: Benchmark = {
  name: "shards",
  description:
    "write, mix and read token shards; peak memory by size (--large: 1, 4 and 16 GB, 35 GB of disk)",
  bar: `writing ${bars.writtenMbPerSecond} MB/s, mixing ${bars.mixedMbPerSecond} MB/s in ${bars.peakRssMb} MB, loading ×${bars.loadedPerTrained} of what training consumes`,
  async run(report, { large }) {
    const peaks: (readonly [gigabytes: number, peakRssMb: number])[] = [];
    const held = new Bars();
    for (const gigabytes of large ? [1, 4, 16] : [1, 2]) {
      const folder = mkdtempSync(join("cache", "bench", "shards-"));
      const speed = ({ tokens, seconds }: ShardWork) => (2 * tokens) / 1e6 / seconds;
      try {
        const works: Record<"plain" | "write" | "mix", ShardWork[]> = { plain: [], write: [], mix: [] };
        for (let round = 0; round < rounds; round++) {
          for (const made of ["plain", "tokenized", "mixed"])
            rmSync(join(folder, made), { recursive: true, force: true });
          works.plain.push(await start("plain", folder, gigabytes));
          rmSync(join(folder, "plain"));
          works.write.push(await start("write", join(folder, "tokenized"), gigabytes));
          works.mix.push(await start("mix", folder));
        }
        const speeds = (work: keyof typeof works) => works[work].map(speed);
        const job = `${gigabytes} GB of tokens in ${works.write[0]?.documents ?? 0} documents`;
        const peer = "plain synced writes";
        const fields = { bench: "shards", unit: "MB/s", peer, peerValue: median(speeds("plain")) };
        const written = median(speeds("write"));
        report(row({ ...fields, job: `write ${job}`, value: written, note: range(speeds("write")) }));
        held.require(written >= bars.writtenMbPerSecond, `writing at ${bars.writtenMbPerSecond} MB/s`);

        const mixed = median(speeds("mix"));
        const cpuSeconds = median(works.mix.map((work) => work.cpuSeconds));
        const note = `${range(speeds("mix"))}, ${cpuSeconds.toFixed(1)} s of CPU time`;
        report(row({ ...fields, job: `mix ${job}`, value: mixed, note }));
        held.require(mixed >= bars.mixedMbPerSecond, `mixing at ${bars.mixedMbPerSecond} MB/s`);
        const memory = { bench: "shards", unit: "MB", peer: "none", peerValue: null };
        const peakRssMb = Math.max(...works.mix.map((work) => work.peakRssMb));
        report(row({ ...memory, job: `peak RSS, mix ${job}`, value: peakRssMb }));
        peaks.push([gigabytes, peakRssMb]);
        held.require(peakRssMb < bars.peakRssMb, `mixing in ${bars.peakRssMb} MB`);

        const loaded = await start("load", join(folder, "mixed"));
        const trained = await start("train", join(folder, "mixed"));
        report(
          row({
            bench: "shards",
            job: `load batches of 8 × 1,024 from ${gigabytes} GB`,
            value: loaded.tokens / loaded.seconds,
            unit: "tokens/s",
            peer: "the training step of a model of 1.4 M parameters",
            peerValue: trained.tokens / trained.seconds,
          }),
        );
        const ratio = loaded.tokens / loaded.seconds / (trained.tokens / trained.seconds);
        held.require(
          ratio >= bars.loadedPerTrained,
          `loading ${bars.loadedPerTrained} times what is consumed`,
        );
        report(
          row({
            bench: "shards",
            job: "share of the training loop that waits for its batch",
            value: (100 * trained.waitedSeconds) / trained.seconds,
            unit: "%",
            peer: "none",
            peerValue: null,
          }),
        );
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
    const [first, last] = [peaks[0] ?? [0, 0], peaks.at(-1) ?? [0, 0]];
    report(
      row({
        bench: "shards",
        job: `growth of the peak RSS of mixing from ${first[0]} to ${last[0]} GB`,
        value: (last[1] - first[1]) / (last[0] - first[0]),
        unit: "MB/GB",
        peer: "none",
        peerValue: null,
      }),
    );
    held.check();
  },
};

const range = (values: readonly number[]): string =>
  `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)} in ${values.length} rounds`;

async function start(work: string, folder: string, gigabytes = 0): Promise<ShardWork> {
  const script = fileURLToPath(new URL("shard-work.mjs", import.meta.url));
  const { stdout } = await execa(process.execPath, [script, work, folder, String(gigabytes)], {
    env: { CUDA_VISIBLE_DEVICES: "-1" },
  });
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as ShardWork;
}
