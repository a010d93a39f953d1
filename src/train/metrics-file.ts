/** The loss curve of a run as JSON lines, one a step, each step once however often the run was interrupted. */
import { open, readFile, type FileHandle } from "node:fs/promises";

export interface MetricsLine {
  readonly step: number;
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
  readonly tokensSeen: number;
  /** What the objective reports besides, e.g. rewardMargin. */
  readonly [metric: string]: number;
}

export interface MetricsFile extends AsyncDisposable {
  /** Rejects where the line before could not be written: this one is written while the next step is taken. */
  append(line: MetricsLine): Promise<void>;
  /** Makes what was appended durable. */
  sync(): Promise<void>;
  /** Drops the lines of steps after `step`. */
  rewind(step: number): Promise<void>;
}

/** Opens the file for the step after `step`, dropping lines of later steps and a last line that was cut short. */
export async function openMetrics(path: string, step: number): Promise<MetricsFile> {
  const file = await open(path, "a");
  const rewind = async (to: number) => file.truncate(to === 0 ? 0 : await bytesUpTo(path, to));
  await rewind(step);
  let writing = Promise.resolve();
  return {
    async rewind(to) {
      await writing;
      await rewind(to);
    },
    async append(line) {
      await writing;
      writing = file.appendFile(`${JSON.stringify(line)}\n`);
      writing.catch(() => undefined); // thrown where it is awaited
    },
    async sync() {
      await writing;
      await file.sync();
    },
    async [Symbol.asyncDispose]() {
      try {
        await writing;
      } finally {
        await closeSynced(file);
      }
    },
  };
}

async function closeSynced(file: FileHandle): Promise<void> {
  await file.sync();
  await file.close();
}

async function bytesUpTo(path: string, step: number): Promise<number> {
  const text = await readFile(path, "utf8");
  let end = 0;
  for (let next = text.indexOf("\n"); next !== -1; next = text.indexOf("\n", end)) {
    if (stepOf(text.slice(end, next)) > step) break;
    end = next + 1;
  }
  return Buffer.byteLength(text.slice(0, end));
}

/** Infinity for what is no line of metrics: it and what follows is dropped. */
function stepOf(line: string): number {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null && "step" in value && typeof value.step === "number")
      return value.step;
  } catch {
    // Not JSON: a write that a crash cut.
  }
  return Infinity;
}
