/** Runs the named benchmarks (default: all) and prints a table, or with --json one line a row. */
import { availableParallelism, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { attention } from "./engine/attention.ts";
import { checkpointMemory } from "./engine/checkpoint-memory.ts";
import { decoding, decodingTogether } from "./engine/decoding.ts";
import { devices } from "./devices.ts";
import { steadyMemory } from "./engine/steady-memory.ts";
import { wasmTape } from "./engine/wasm-tape.ts";
import { encoding } from "./encoding.ts";
import { encodingThreads } from "./encoding-threads.ts";
import { exportParity } from "./export-parity.ts";
import { loop } from "./loop.ts";
import { nearDuplicates } from "./near-duplicates.ts";
import { pretraining } from "./pretraining.ts";
import { hashing } from "./runner/hashing.ts";
import { noOpRun } from "./runner/no-op-run.ts";
import { largeInput, manyFiles, manyStages } from "./runner/scale.ts";
import { splitPatternsBench } from "./split-patterns.ts";
import { sampling } from "./sampling.ts";
import { shards } from "./shards.ts";
import { training } from "./training.ts";
import type { BenchRow, Benchmark } from "./row.ts";

const benchmarks: readonly Benchmark[] = [
  noOpRun,
  manyStages,
  manyFiles,
  largeInput,
  hashing,
  pretraining,
  loop,
  wasmTape,
  devices,
  attention,
  checkpointMemory,
  decoding,
  decodingTogether,
  steadyMemory,
  encoding,
  encodingThreads,
  training,
  splitPatternsBench,
  sampling,
  shards,
  nearDuplicates,
  exportParity,
];

const options = {
  help: { type: "boolean", short: "h", default: false },
  json: { type: "boolean", default: false },
  large: { type: "boolean", default: false },
  text: { type: "string" },
  megabytes: { type: "string", default: "20" },
  folder: { type: "string", default: "artifacts/export/bundle" },
} as const;

const HELP = `npm run bench -- [NAME...] [options]: benchmarks against a peer in the same run; default: all that are not marked +.

  --large           also those marked +, and the large jobs of the others: many minutes
  --json            one line of JSON for each figure
  --folder MODEL    what export-parity reads (${options.folder.default})
  --text FILE       what training reads
  --megabytes N     of text that it makes itself otherwise (${options.megabytes.default})

Peers that are not installed are skipped by name. Exit code 1 where a bar was missed. Without a bar: figures only.
`;

const catalogue = (): string =>
  benchmarks
    .map(({ name, description, bar, large = false }) => {
      const head = `${large ? "+" : " "} ${name.padEnd(18)} ${description}`;
      return bar === undefined ? head : `${head}\n${"".padEnd(21)}bar: ${bar}`;
    })
    .join("\n");

/** @returns the exit code: 1 where a benchmark failed or found a bar violated, 2 for an unknown name or option */
export async function main(argv: string[]): Promise<number> {
  const parsed = parse(argv);
  if (parsed === undefined) return 2;
  const { values, positionals } = parsed;
  if (values.help) {
    console.log(`${HELP}\n${catalogue()}`);
    return 0;
  }
  const known = new Map(benchmarks.map((benchmark) => [benchmark.name, benchmark]));
  const unknown = positionals.filter((name) => !known.has(name));
  if (unknown.length > 0) {
    console.error(`no benchmark ${unknown.join(", ")}\nhint: one of\n${catalogue()}`);
    return 2;
  }
  const report = values.json ? (row: BenchRow) => console.log(JSON.stringify(row)) : printRow;
  warnIfBusy();
  let failures = 0;
  for (const { name, run, large = false } of benchmarks) {
    if (positionals.length > 0 ? !positionals.includes(name) : large && !values.large) continue;
    try {
      await run(report, { ...values, megabytes: Number(values.megabytes) });
    } catch (error) {
      failures++;
      console.error(`${name} failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return failures > 0 ? 1 : 0;
}

/** Undefined where an option is none, which is told. */
function parse(argv: string[]) {
  try {
    return parseArgs({ args: argv, allowPositionals: true, options });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.error(`${reason}\nhint: npm run bench -- --help`);
    return undefined;
  }
}

/** Threads that wait for each other suffer more from other work than those that do not: even ratios are off then. */
function warnIfBusy(): void {
  const [load = 0] = loadavg();
  const cpus = availableParallelism();
  if (load > cpus / 2)
    console.error(
      `warning: other work runs here (load ${load.toFixed(1)} on ${cpus} CPUs): do not trust ratios`,
    );
}

function printRow({ bench, job, value, unit, peer, peerValue, ratio, note }: BenchRow): void {
  const figure = value === null ? "not measured" : `${value} ${unit}`;
  const against = peerValue === null ? peer : `${peer} ${peerValue} ${unit} → ×${ratio ?? "?"}`;
  console.log(`${bench.padEnd(14)} ${job}`);
  console.log(`${"".padEnd(14)} ${figure} | ${against}${note === undefined ? "" : ` (${note})`}`);
}
