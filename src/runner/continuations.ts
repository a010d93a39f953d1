/**
 * Checkpoints of finished executions from which longer ones go on: cache/continuations/<fingerprint>/step-<n>/ holds
 * what the stage named, under the same paths. They can be removed at any time; a longer execution then begins anew.
 */
import { constants, existsSync, readdirSync } from "node:fs";
import { cp, mkdir, rename } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { PipelineError } from "../errors.ts";
import type { ExtendedFrom } from "../store/records.ts";

export interface Milestone {
  readonly step: number;
  /** Relative to the checkpoint directory. */
  readonly paths: readonly string[];
}

export class Continuations {
  readonly #root: string;

  constructor(cacheDirectory: string) {
    this.#root = join(cacheDirectory, "continuations");
  }

  /** Steps of which the execution left a checkpoint. */
  steps(fingerprint: string): readonly number[] {
    const directory = join(this.#root, fingerprint);
    if (!existsSync(directory)) return [];
    return readdirSync(directory).flatMap((name) => {
      const step = /^step-(\d+)$/.exec(name)?.[1];
      return step === undefined ? [] : [Number(step)];
    });
  }

  /** Moves the milestones out of `dataDirectory`. What a killed call had moved before stays moved. */
  async keep(fingerprint: string, milestones: readonly Milestone[], dataDirectory: string): Promise<void> {
    for (const { step, paths } of milestones) {
      const target = this.#directory({ fingerprint, step });
      if (existsSync(target)) continue;
      const partial = `${target}.partial`;
      for (const path of paths) {
        const from = inside(dataDirectory, path);
        if (!existsSync(from)) continue;
        await mkdir(dirname(join(partial, path)), { recursive: true });
        await rename(from, join(partial, path));
      }
      if (paths.every((path) => existsSync(join(partial, path)))) await rename(partial, target);
    }
  }

  /** Copies what belongs to one step into an empty checkpoint directory; blocks are shared where the disk can. */
  async copyTo({ fingerprint, step }: ExtendedFrom, dataDirectory: string): Promise<void> {
    await mkdir(dataDirectory, { recursive: true });
    const from = this.#directory({ fingerprint, step });
    await cp(from, dataDirectory, { recursive: true, mode: constants.COPYFILE_FICLONE });
  }

  #directory({ fingerprint, step }: ExtendedFrom): string {
    return join(this.#root, fingerprint, `step-${step}`);
  }
}

function inside(directory: string, path: string): string {
  const absolute = resolve(directory, path);
  if (!relative(directory, absolute).startsWith("..") && absolute !== directory) return absolute;
  throw new PipelineError({
    code: "CHECKPOINT_PATH_OUTSIDE",
    message: `${path} is no path inside the checkpoint directory`,
    hint: "checkpointed(step, keep) takes paths relative to context.checkpointDirectory",
  });
}
