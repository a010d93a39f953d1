/** Hashing a file in the page cache for the first time, against what OpenSSL does on one core with bytes in memory. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { digestFile } from "../../src/hashing/digest.ts";
import { median, row, type Benchmark } from "../row.ts";

const megabytes = 512;
const repetitions = 5;
const minRatio = 0.8;

export const hashing: Benchmark = {
  name: "hashing",
  description: "sha256 of a large file",
  bar: `at least ×${minRatio} of OpenSSL`,
  async run(report) {
    const directory = mkdtempSync(join(tmpdir(), "bench-hashing-"));
    try {
      const file = join(directory, "large");
      writeFileSync(file, Buffer.alloc(megabytes * 1e6, "some bytes "));
      const [ours, openssl]: [number[], number[]] = [[], []];
      for (let index = 0; index < repetitions; index++) {
        const start = performance.now();
        await digestFile(file);
        ours.push((megabytes / (performance.now() - start)) * 1000);
        openssl.push(await opensslSpeed());
      }
      const [value, peerValue] = [median(ours), median(openssl)];
      const job = `a file of ${megabytes} MB in the page cache`;
      report(row({ bench: "hashing", job, value, unit: "MB/s", peer: "openssl speed", peerValue }));
      if (value < minRatio * peerValue) throw new Error(`less than ${minRatio} of what OpenSSL does`);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

/** MB/s. `-mr` writes `+F:NUMBER:sha256:BYTES_PER_SECOND`. */
async function opensslSpeed(): Promise<number> {
  const args = ["speed", "-elapsed", "-mr", "-seconds", "1", "-bytes", String(1 << 20), "-evp", "sha256"];
  const { stdout } = await execa("openssl", args);
  const bytesPerSecond = /^\+F:.*:([\d.]+)$/m.exec(stdout)?.[1];
  if (bytesPerSecond === undefined) throw new Error(`openssl speed said: ${stdout}`);
  return Number(bytesPerSecond) / 1e6;
}
