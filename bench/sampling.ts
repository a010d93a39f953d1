/**
 * Peak memory of sampling and of encoding by the amount of text: it must not grow with what is read. Each piece of work
 * is a process of its own.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { Bars } from "./bars.ts";
import { row, type Benchmark } from "./row.ts";
import type { SamplingWork } from "./sampling-work.ts";

/** What the digests and fingerprints of kept documents take is less: they are in memory, about 70 bytes a document. */
const bars = { peakRssMb: 1000, growthMbPerGb: 50 };

export const sampling: Benchmark = {
  name: "sampling",
  description:
    "peak memory of sampling and encoding 0.25 and 1 GB of text (--large: and 4 GB; 15 GB of disk)",
  bar: `peak of ${bars.peakRssMb} MB, ${bars.growthMbPerGb} MB more for each GB of text`,
  large: true,
  async run(report, { large }) {
    const sizes = large ? [0.25, 1, 4] : [0.25, 1];
    const peaks: Record<"sample" | "tokenize", number[]> = { sample: [], tokenize: [] };
    mkdirSync(join("cache", "bench"), { recursive: true });
    for (const gigabytes of sizes) {
      const folder = mkdtempSync(join("cache", "bench", "sampling-"));
      try {
        await start("generate", folder, gigabytes);
        await start("corpus", folder, gigabytes);
        for (const work of ["sample", "tokenize"] as const) {
          const { documents, peakRssMb, seconds } = await start(work, folder, gigabytes);
          peaks[work].push(peakRssMb);
          report(
            row({
              bench: "sampling",
              job: `peak RSS, ${work === "sample" ? `sample half of ${gigabytes} GB of Parquet` : `encode ${gigabytes} GB on two threads`}, ${documents} documents`,
              value: peakRssMb,
              unit: "MB",
              peer: "none",
              peerValue: null,
              note: `${seconds.toFixed(0)} s`,
            }),
          );
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
    const span = (sizes.at(-1) ?? 0) - (sizes[0] ?? 0);
    const held = new Bars();
    for (const [work, all] of Object.entries(peaks)) {
      const growth = ((all.at(-1) ?? 0) - (all[0] ?? 0)) / span;
      report(
        row({
          bench: "sampling",
          job: `growth of the peak RSS of ${work} from ${sizes[0]} to ${sizes.at(-1)} GB`,
          value: growth,
          unit: "MB/GB",
          peer: "none",
          peerValue: null,
        }),
      );
      held.require(growth <= bars.growthMbPerGb, `${work} within ${bars.growthMbPerGb} MB more for each GB`);
      held.require(Math.max(...all) <= bars.peakRssMb, `${work} in ${bars.peakRssMb} MB`);
    }
    held.check();
  },
};

async function start(work: string, folder: string, gigabytes: number): Promise<SamplingWork> {
  const script = fileURLToPath(new URL("sampling-work.mjs", import.meta.url));
  const { stdout } = await execa(process.execPath, [script, work, folder, String(gigabytes)]);
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as SamplingWork;
}
