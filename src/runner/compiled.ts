/** What a compile leaves behind for sessions and stage processes: where the code is and what its digests are. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PipelineError } from "../errors.ts";
import type { SourceFacts } from "../hashing/source-digest.ts";

export interface CompiledStage {
  readonly name: string;
  /** The author's file, relative to the project. */
  readonly file: string;
  /** Relative to the compiled directory. */
  readonly module: string;
  readonly exportName: string;
  readonly source: SourceFacts;
}

export interface CompiledManifest {
  /** The stage process and its watchdog, relative to the compiled directory. */
  readonly stageProcess: string;
  readonly watchdog: string;
  readonly stages: readonly CompiledStage[];
}

export const MANIFEST_FILE = "manifest.json";

/** Everything that the runner's own process loads: a script of program.ts. */
export const PROGRAM_FILE = "program.cjs";

/** What bin/ loads before it knows whether the rest is current: the exports of start.ts. */
export const START_FILE = "start.cjs";

/** Throws `NOT_COMPILED`. */
export function readManifest(compiledDirectory: string): CompiledManifest {
  try {
    return JSON.parse(readFileSync(join(compiledDirectory, MANIFEST_FILE), "utf8")) as CompiledManifest;
  } catch (cause) {
    throw notCompiled(compiledDirectory, cause);
  }
}

export const notCompiled = (compiledDirectory: string, cause?: unknown): PipelineError =>
  new PipelineError({
    code: "NOT_COMPILED",
    message: `${compiledDirectory} holds no compiled pipeline`,
    hint: "start through `npx pipeline`, which compiles what changed",
    cause,
  });
