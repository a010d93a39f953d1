/**
 * What a checkpoint was begun for: `recipe.json` beside it, so that a plan under another recipe can tell whose work
 * stands there. Nothing but what people are told depends on it.
 */
import { readFileSync } from "node:fs";
import type { PastRecipe } from "../lineage/explain.ts";
import { isObject } from "../std/json.ts";
import { writeFileAtomic } from "../std/write-file-atomic.ts";

const FORMAT_VERSION = 1;

export interface CheckpointRecipe {
  readonly stageId: string;
  /** The recipe's file, relative to the project. */
  readonly config: string;
  readonly recipe: PastRecipe;
}

export const writeCheckpointRecipe = (path: string, of: CheckpointRecipe): Promise<void> =>
  writeFileAtomic(path, JSON.stringify({ formatVersion: FORMAT_VERSION, ...of }));

/** Undefined where there is none, as beside checkpoints of earlier versions, or none that can be read. */
export function readCheckpointRecipe(path: string): CheckpointRecipe | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return isCheckpointRecipe(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isCheckpointRecipe = (value: unknown): value is CheckpointRecipe & { formatVersion: number } =>
  isObject(value) &&
  value["formatVersion"] === FORMAT_VERSION &&
  typeof value["stageId"] === "string" &&
  typeof value["config"] === "string" &&
  isPastRecipe(value["recipe"]);

const isPastRecipe = (value: unknown): value is PastRecipe =>
  isObject(value) &&
  typeof value["fingerprintVersion"] === "number" &&
  typeof value["stageName"] === "string" &&
  isObject(value["source"]) &&
  typeof value["source"]["digest"] === "string" &&
  [
    value["source"]["files"],
    ...["params", "inputs", "outputs", "packages", "environment"].map((part) => value[part]),
  ].every(isObject);
