/** One measured figure and, where the peer is installed, the peer's from the same run. */
import { cpus, totalmem } from "node:os";

export interface BenchRow {
  readonly bench: string;
  readonly job: string;
  /** Median over the repetitions. */
  readonly value: number;
  readonly unit: string;
  readonly peer: string;
  /** Null where the peer is not installed; `note` says so by name. */
  readonly peerValue: number | null;
  /** value / peerValue. */
  readonly ratio: number | null;
  readonly machine: string;
  readonly note?: string;
}

export interface Benchmark {
  readonly name: string;
  readonly description: string;
  readonly run: (report: (row: BenchRow) => void) => Promise<void>;
}

export const machine = (): string => {
  const all = cpus();
  const memoryGib = Math.round(totalmem() / 2 ** 30);
  return `${all.length}x ${all[0]?.model.trim() ?? "unknown"}, ${memoryGib} GiB, Node ${process.version}`;
};

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

export function row(fields: Omit<BenchRow, "ratio" | "machine">): BenchRow {
  const ratio = fields.peerValue === null ? null : round(fields.value / fields.peerValue, 3);
  return { ...fields, value: round(fields.value, 3), ratio, machine: machine() };
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
