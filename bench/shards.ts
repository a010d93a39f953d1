/**
 * Token shards: writing them against plain writes to the same disk, mixing them in memory that must not grow with them,
 * and reading batches against what a training step consumes. Each piece of work is a process of its own.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { Bars } from "./bars.ts";
import { row, type Benchmark } from "./row.ts";
import type { ShardWork } from "./shard-work.ts";

const bars = { writtenMbPerSecond: 200, peakRssMb: 1000, loadedPerTrained: 50 };

export const shards: Benchmark = {
  name: "shards",
  description: "write, mix and read token shards; peak memory by size (--large: 4 to 16 GB, 35 GB of disk)",
  bar: `writing ${bars.writtenMbPerSecond} MB/s, mixing in ${bars.peakRssMb} MB, loading ×${bars.loadedPerTrained} of what training consumes`,
  async run(report, { large }) {
    const peaks: (readonly [gigabytes: number, peakRssMb: number])[] = [];
    const held = new Bars();
    for (const gigabytes of large ? [4, 8, 16] : [1, 2]) {
      const folder = mkdtempSync(join("cache", "bench", "shards-"));
      const mixed = join(folder, "mixed");
      const speed = ({ tokens, seconds }: ShardWork) => (2 * tokens) / 1e6 / seconds;
      try {
        const plain = await start("plain", folder, gigabytes);
        rmSync(join(folder, "plain"));
        const written = await start("write", join(folder, "tokenized"), gigabytes);
        const job = `${gigabytes} GB of tokens in ${written.documents} documents`;
        const peer = "plain synced writes";
        const fields = { bench: "shards", unit: "MB/s", peer, peerValue: speed(plain) };
        report(row({ ...fields, job: `write ${job}`, value: speed(written) }));
        held.require(speed(written) >= bars.writtenMbPerSecond, `writing at ${bars.writtenMbPerSecond} MB/s`);

        const mixing = await start("mix", folder);
        const note = `${mixing.cpuSeconds.toFixed(1)} s of CPU time`;
        report(row({ ...fields, job: `mix ${job}`, value: speed(mixing), note }));
        const memory = { bench: "shards", unit: "MB", peer: "none", peerValue: null };
        report(row({ ...memory, job: `peak RSS, mix ${job}`, value: mixing.peakRssMb }));
        peaks.push([gigabytes, mixing.peakRssMb]);
        held.require(mixing.peakRssMb < bars.peakRssMb, `mixing in ${bars.peakRssMb} MB`);

        const loaded = await start("load", mixed);
        const trained = await start("train", mixed);
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

async function start(work: string, folder: string, gigabytes = 0): Promise<ShardWork> {
  const script = fileURLToPath(new URL("shard-work.mjs", import.meta.url));
  const { stdout } = await execa(process.execPath, [script, work, folder, String(gigabytes)], {
    env: { CUDA_VISIBLE_DEVICES: "-1" },
  });
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as ShardWork;
}
