/** One measured figure and, where the peer is installed, the peer's from the same run. */
import { cpus, totalmem } from "node:os";

export interface BenchRow {
  readonly bench: string;
  readonly job: string;
  /** Median over the repetitions. Null where nothing could be measured; `note` says why. */
  readonly value: number | null;
  readonly unit: string;
  readonly peer: string;
  /** Null where there is no peer or it is not installed; `note` says so by name. */
  readonly peerValue: number | null;
  /** value / peerValue. */
  readonly ratio: number | null;
  readonly machine: string;
  readonly note?: string;
}

export interface BenchOptions {
  /** Also the jobs that take many minutes. */
  readonly large: boolean;
  /** The exported model folder that `export-parity` reads. */
  readonly folder: string;
  /** The text file that `training` reads; without one it makes itself one of so many `megabytes`. */
  readonly text?: string;
  readonly megabytes: number;
}

export interface Benchmark {
  readonly name: string;
  readonly description: string;
  /** What must hold for it to pass; absent where it only tells figures. */
  readonly bar?: string;
  /** Many minutes: run where it is named, or by --large. */
  readonly large?: boolean;
  /** Throws where a bar is violated or a side fails; rows reported before stand. */
  readonly run: (report: (row: BenchRow) => void, options: BenchOptions) => Promise<void>;
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

export function row({
  bench,
  job,
  value,
  unit,
  peer,
  peerValue,
  note,
}: Omit<BenchRow, "ratio" | "machine">): BenchRow {
  return {
    bench,
    job,
    value: significant(value),
    unit,
    peer,
    peerValue: significant(peerValue),
    ratio: value === null || peerValue === null ? null : significant(value / peerValue),
    machine: machine(),
    ...(note === undefined ? {} : { note }),
  };
}

/** Four significant digits: more would be noise. */
function significant(value: number): number;
function significant(value: number | null): number | null;
function significant(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(4));
}
