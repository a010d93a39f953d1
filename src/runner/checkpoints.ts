/**
 * Checkpoints of unfinished executions: cache/checkpoints/<fingerprint>/data belongs to the stage, the mark and
 * the recipe beside it to the runner. The mark is written by the stage process when the stage says that a step is safe.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { namesInNow } from "../std/names-in.ts";
import { syncFolderNow } from "../std/sync-folder.ts";
import type { ExtendedFrom, Remark } from "../store/records.ts";
import { readCheckpointRecipe, writeCheckpointRecipe, type CheckpointRecipe } from "./checkpoint-recipe.ts";
import type { Continuations, Milestone } from "./continuations.ts";

export interface CheckpointMark {
  /** The last step that is safely on disk; absent before the first. */
  readonly step?: number;
  /** How many steps it will be in all, where the stage said so. */
  readonly total?: number;
  /** Work of all slices up to that step, or to the end of the last one, in milliseconds. */
  readonly elapsedMs?: number;
  /** Steps from which executions of this fingerprint went on. */
  readonly resumedFrom: readonly number[];
  /** Checkpoints that stay when the execution is finished. */
  readonly milestones?: readonly Milestone[];
  /** Of the slices of which something stays: those that began before `step`. */
  readonly remarks?: readonly Remark[];
  /** The finished execution that this one goes on from. */
  readonly extended?: ExtendedFrom;
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

  recipeFile(fingerprint: string): string {
    return join(this.#root, fingerprint, "recipe.json");
  }

  read(fingerprint: string): CheckpointMark {
    return readMark(this.markFile(fingerprint));
  }

  /** What it was begun for, where that is known. */
  recipe(fingerprint: string): CheckpointRecipe | undefined {
    return readCheckpointRecipe(this.recipeFile(fingerprint));
  }

  /** Of a checkpoint that was begun. */
  noteRecipe(fingerprint: string, recipe: CheckpointRecipe): Promise<void> {
    return writeCheckpointRecipe(this.recipeFile(fingerprint), recipe);
  }

  /** Makes the directories and notes a resume; answers the mark to go on from. */
  async begin(fingerprint: string): Promise<CheckpointMark> {
    await mkdir(this.dataDirectory(fingerprint), { recursive: true });
    return noteResume(this.markFile(fingerprint));
  }

  /** Makes the directories out of what a finished execution left; answers the mark to go on from. */
  async extend(
    fingerprint: string,
    from: ExtendedFrom,
    continuations: Continuations,
  ): Promise<CheckpointMark> {
    await this.remove(fingerprint);
    await continuations.copyTo(from, this.dataDirectory(fingerprint));
    const mark = { step: from.step, resumedFrom: [], extended: from };
    // Last: without a mark the directory is no checkpoint, and the copy is made again.
    writeMark(this.markFile(fingerprint), mark);
    return mark;
  }

  /** Of a finished execution: its milestones stay, the rest goes. May be called again after a kill. */
  async finish(fingerprint: string, continuations: Continuations): Promise<void> {
    const { milestones = [] } = this.read(fingerprint);
    await continuations.keep(fingerprint, milestones, this.dataDirectory(fingerprint));
    await this.remove(fingerprint);
  }

  /** Fingerprints under which there is anything at all. */
  list(): readonly string[] {
    return namesInNow(this.#root);
  }

  /** Nothing to go on from: no mark of a step, no file of the stage. */
  isEmpty(fingerprint: string): boolean {
    if (this.read(fingerprint).step !== undefined) return false;
    return namesInNow(this.dataDirectory(fingerprint)).length === 0;
  }

  async remove(fingerprint: string): Promise<void> {
    await rm(join(this.#root, fingerprint), { recursive: true, force: true });
  }
}

/** No mark, or one that cannot be read, is no checkpoint. */
export function readMark(path: string): CheckpointMark {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as CheckpointMark;
  } catch {
    return { resumedFrom: [] };
  }
}

/** Notes that an execution goes on from the mark's step, where there is one; answers the new mark. */
export function noteResume(markFile: string): CheckpointMark {
  const before = readMark(markFile);
  if (before.step === undefined) return before;
  const mark = { ...before, resumedFrom: [...before.resumedFrom, before.step] };
  writeMark(markFile, mark);
  return mark;
}

/** As long as a name may be that goes to other machines. */
const REMARK_LENGTH = 300;

/**
 * The mark in the hands of a stage process. What it notes is on disk when the call returns. Synchronous: native work may
 * block the event loop right after.
 */
export class SliceMark {
  readonly #file: string;
  /** Milliseconds of the slices before; this one began with its process. */
  readonly #before: number;
  /** The step that this slice goes on from. */
  readonly #from: number;
  readonly #remarks: Remark[];

  constructor(markFile: string) {
    this.#file = markFile;
    const { step, elapsedMs = 0, remarks = [] } = readMark(markFile);
    this.#before = step === undefined ? 0 : elapsedMs;
    this.#from = step ?? 0;
    // One of a slice that began here too is about what was lost.
    this.#remarks = remarks.filter((remark) => remark.step < this.#from);
  }

  /** On disk with the next checkpoint, or with the end. What this slice has said already is not said again. */
  remark(words: string): void {
    const text = words.replace(/\p{Cc}+/gu, " ").slice(0, REMARK_LENGTH);
    const isNew = this.#remarks.every((remark) => remark.step !== this.#from || remark.text !== text);
    if (isNew) this.#remarks.push({ step: this.#from, text });
  }

  /** `keep`: files of the checkpoint that stay when the execution is finished. */
  checkpointed(step: number, total: number | undefined, keep?: readonly string[]): void {
    const mark = readMark(this.#file);
    const others = (mark.milestones ?? []).filter((milestone) => milestone.step !== step);
    const milestones = keep === undefined ? others : [...others, { step, paths: keep }];
    writeMark(this.#file, {
      ...mark,
      step,
      elapsedMs: this.#elapsedMs,
      remarks: this.#remarks,
      ...(total === undefined ? {} : { total }),
      ...(milestones.length === 0 ? {} : { milestones }),
    });
  }

  /** The work is done. */
  finished(): void {
    writeMark(this.#file, {
      ...readMark(this.#file),
      elapsedMs: this.#elapsedMs,
      remarks: this.#remarks,
    });
  }

  get #elapsedMs(): number {
    return this.#before + Math.round(performance.now());
  }
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
  syncFolderNow(dirname(path));
}
