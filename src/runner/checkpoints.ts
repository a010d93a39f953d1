/**
 * Checkpoints of unfinished executions: cache/checkpoints/<fingerprint>/data belongs to the stage, the mark
 * beside it to the runner. The mark is written by the stage process when the stage says that a step is safe.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

export interface CheckpointMark {
  /** The last step that is safely on disk; absent before the first. */
  readonly step?: number;
  /** Steps from which executions of this fingerprint went on. */
  readonly resumedFrom: readonly number[];
}

export class Checkpoints {
  readonly #root: string;

  constructor(cacheDirectory: string) {
    this.#root = join(cacheDirectory, "checkpoints");
  }

  /** What the stage sees as its checkpoint directory. */
  dataDirectory(fingerprint: string): string {
    return join(this.#root, fingerprint, "data");
  }

  markFile(fingerprint: string): string {
    return join(this.#root, fingerprint, "checkpoint.json");
  }

  read(fingerprint: string): CheckpointMark {
    return readMark(this.markFile(fingerprint));
  }

  /** Makes the directories and notes a resume; answers the mark to go on from. */
  async begin(fingerprint: string): Promise<CheckpointMark> {
    await mkdir(this.dataDirectory(fingerprint), { recursive: true });
    const before = this.read(fingerprint);
    if (before.step === undefined) return before;
    const mark = { step: before.step, resumedFrom: [...before.resumedFrom, before.step] };
    writeMark(this.markFile(fingerprint), mark);
    return mark;
  }

  exists(fingerprint: string): boolean {
    return existsSync(join(this.#root, fingerprint));
  }

  async remove(fingerprint: string): Promise<void> {
    await rm(join(this.#root, fingerprint), { recursive: true, force: true });
  }
}

/** No mark, or one that cannot be read, is no checkpoint. */
function readMark(path: string): CheckpointMark {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as CheckpointMark;
  } catch {
    return { resumedFrom: [] };
  }
}

/** The step is on disk when this returns. Synchronous: native work may block the event loop right after. */
export function markStep(markFile: string, step: number): void {
  writeMark(markFile, { ...readMark(markFile), step });
}

function writeMark(path: string, mark: CheckpointMark): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.next`;
  const file = openSync(temporary, "w");
  try {
    writeSync(file, JSON.stringify(mark));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}
