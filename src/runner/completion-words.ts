/**
 * The names that a person may type for stages, left where a shell finds them without compiling anything: as the
 * session that was opened last wired the pipeline.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ResolvedPipeline } from "../pipeline/define-pipeline.ts";

export interface CompletionWords {
  /** Stage ids. */
  readonly stages: readonly string[];
  /** Stage ids, pipeline outputs and stage names: see targets.ts. */
  readonly targets: readonly string[];
}

/** In cache/compiled/. */
export const WORDS_FILE = "words.json";

/** Writes only what changed. No command fails because a shell will offer less. */
export function noteWords(projectRoot: string, pipeline: ResolvedPipeline): void {
  const file = join(projectRoot, "cache/compiled", WORDS_FILE);
  const text = JSON.stringify(wordsOf(pipeline));
  if (readOptional(file) === text) return;
  const next = `${file}.next`; // one name for all: what a kill leaves, the next writer takes, and the words are the same
  try {
    writeFileSync(next, text);
    renameSync(next, file);
  } catch {
    rmSync(next, { force: true }); // a full disk, or nothing was compiled here
  }
}

export function wordsOf({ stages, outputs }: ResolvedPipeline): CompletionWords {
  const ids = stages.map(({ id }) => id);
  const names = stages.map(({ stage }) => stage.name);
  return { stages: ids, targets: [...new Set([...ids, ...Object.keys(outputs), ...names])] };
}

function readOptional(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // not written yet
  }
}
