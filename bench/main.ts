/** Runs the named benchmarks (default: all) and prints a table, or with --json one line a row. */
import { parseArgs } from "node:util";
import { encoding } from "./encoding.ts";
import { noOpRun } from "./no-op-run.ts";
import { pretraining } from "./pretraining.ts";
import type { BenchRow, Benchmark } from "./row.ts";

const benchmarks: readonly Benchmark[] = [noOpRun, pretraining, encoding];

export async function main(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { json: { type: "boolean" } },
  });
  const known = new Map(benchmarks.map((benchmark) => [benchmark.name, benchmark]));
  const unknown = positionals.filter((name) => !known.has(name));
  if (unknown.length > 0) {
    console.error(`no benchmark ${unknown.join(", ")}\nhint: one of ${[...known.keys()].join(", ")}`);
    return 2;
  }
  const report = values.json === true ? (row: BenchRow) => console.log(JSON.stringify(row)) : printRow;
  for (const { name, run } of benchmarks) {
    if (positionals.length === 0 || positionals.includes(name)) await run(report);
  }
  return 0;
}

function printRow(row: BenchRow): void {
  const peer =
    row.peerValue === null
      ? `${row.peer}: ${row.note ?? "not installed"}`
      : `${row.peer} ${row.peerValue} → ×${row.ratio ?? "?"}`;
  console.log(`${row.bench.padEnd(14)} ${row.job}\n${"".padEnd(14)} ${row.value} ${row.unit} | ${peer}`);
}
