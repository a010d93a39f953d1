/**
 * Checkpoints of a training run: `step-NNNNNN/` with weights and moments (state.safetensors, float32) and state.json.
 * Written under another name, flushed, then renamed: a folder with this name is whole, and its digest proves it.
 */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { PipelineError, userError } from "../errors.ts";
import { openSafetensors, writeUnflushed, type TensorEntry } from "../model/safetensors.ts";
import { digestOfFile } from "../std/digest.ts";
import { namesIn } from "../std/names-in.ts";
import { isObject, type JsonObject } from "../std/json.ts";
import { syncFolder } from "../std/sync-folder.ts";
import type { HostTensor } from "../tensor/types.ts";
import type { GuardWindow } from "./loss-guard.ts";
import { isOnWay, isRollbackLog, noRollbacks, type RollbackLog } from "./rollbacks.ts";
import { learningRateAt, sharedSteps, type Schedule } from "./schedules.ts";

export interface CheckpointPolicy {
  readonly directory: string;
  /** One every so many steps; one more when the run is aborted. */
  readonly everySteps: number;
  /** How many of the newest stay; default 2. */
  readonly keepLast?: number | undefined;
  /** A checkpoint is written after this step too, and stays: a longer run can go on from it. */
  readonly milestone?: number | undefined;
}

export interface TrainingPlan {
  readonly schedule: Schedule;
  readonly totalSteps: number;
}

/** Where a run stands between two steps, besides its variables. */
export interface TrainingState {
  /** Steps taken. */
  readonly step: number;
  readonly tokensSeen: number;
  /** Of the batch source. */
  readonly cursor: JsonObject;
  /** Everything that decides the steps taken, but for the learning rates: a checkpoint of another run is refused. */
  readonly identity: JsonObject;
  /** The rates: a checkpoint fits every run whose rates were the same until its step. */
  readonly plan: TrainingPlan;
  /** Of a run that watches its loss: what the next step is compared with, and the data that was left out so far. */
  readonly guard?: { readonly window: GuardWindow; readonly rollbacks: RollbackLog } | undefined;
  /** Of the engine, where it has such: another number may round otherwise from here on. */
  readonly threadsPerOperation?: number | undefined;
}

interface StateFile extends TrainingState {
  readonly formatVersion: 2;
  /** sha256 of state.safetensors. */
  readonly tensorsDigest: string;
}

export interface Checkpoint {
  readonly path: string;
  readonly state: TrainingState;
}

const tensorsFile = "state.safetensors";
const stateFile = "state.json";
const partialSuffix = ".partial";
const folderName = (step: number): string => `step-${String(step).padStart(6, "0")}`;
const stepOf = (folder: string): number | undefined => {
  const match = /^step-(\d{6,})$/.exec(folder);
  return match === null ? undefined : Number(match[1]);
};

/** A checkpoint whose tensors are on their way to the disk. */
export interface UnfinishedCheckpoint {
  readonly step: number;
  /** Resolves when `finish` has nothing left to wait for. To be awaited in any case. */
  readonly flushed: Promise<void>;
  /**
   * Gives it its name and removes those that are no longer kept: beside the newest, those of steps that `isKept`. Returns
   * its path.
   */
  finish(isKept: (step: number) => boolean): Promise<string>;
}

/** The variables have been read when it resolves: the next step may change them. */
export async function beginCheckpoint(
  { directory, keepLast = 2 }: CheckpointPolicy,
  state: TrainingState,
  entries: readonly TensorEntry[],
  read: (name: string) => Promise<HostTensor>,
): Promise<UnfinishedCheckpoint> {
  const target = join(directory, folderName(state.step));
  const partial = target + partialSuffix;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const { digest, flushed } = await writeUnflushed(join(partial, tensorsFile), entries, read);
  const file: StateFile = { formatVersion: 2, ...state, tensorsDigest: digest };
  return {
    step: state.step,
    flushed,
    async finish(isKept) {
      await flushed;
      await writeFile(join(partial, stateFile), `${JSON.stringify(file, null, 2)}\n`, { flush: true });
      await syncFolder(partial);
      // One of the same step can stand there only if it could not be read, when the run fell back to an older one.
      await rm(target, { recursive: true, force: true });
      await rename(partial, target);
      await syncFolder(directory);
      const passing = (await listCheckpoints(directory)).filter(({ step }) => !isKept(step));
      for (const { path } of passing.slice(Math.max(1, keepLast))) await rm(path, { recursive: true });
      return target;
    },
  };
}

/**
 * The newest checkpoint that is whole, or undefined. What cannot be read is handed to `onUnreadable` and passed over; what
 * is whole but was left behind, by the `rollbacks` that are given, is removed.
 * Throws `CHECKPOINT_MISMATCH` where one is whole but belongs to another run.
 */
export async function findCheckpoint(
  directory: string,
  { identity, plan }: Pick<TrainingState, "identity" | "plan">,
  onUnreadable: (path: string, error: unknown) => void,
  rollbacks?: RollbackLog,
): Promise<Checkpoint | undefined> {
  for (const { path } of await listCheckpoints(directory)) {
    let state: StateFile;
    try {
      state = await readState(path);
    } catch (error) {
      onUnreadable(path, error);
      continue;
    }
    const difference = isDeepStrictEqual(state.identity, identity)
      ? rateDifference(state, plan)
      : firstDifference(state.identity, identity);
    if (difference !== undefined)
      throw userError(
        "CHECKPOINT_MISMATCH",
        `${path} belongs to a run with other settings: ${difference}`,
        "Go on with the old settings, or remove the folder to start anew.",
      );
    if (rollbacks !== undefined && !isOnWay(state.guard?.rollbacks ?? noRollbacks, state.step, rollbacks)) {
      await rm(path, { recursive: true });
      continue;
    }
    return { path, state };
  }
  return undefined;
}

/** Gives each tensor of a checkpoint to `write`. */
export async function restoreTensors(
  { path }: Checkpoint,
  entries: readonly TensorEntry[],
  write: (name: string, value: HostTensor) => Promise<void>,
): Promise<void> {
  await using tensors = await openSafetensors(join(path, tensorsFile));
  for (const { name } of entries) await write(name, await tensors.read(name));
}

/** Newest first. */
async function listCheckpoints(directory: string): Promise<{ step: number; path: string }[]> {
  return (await namesIn(directory))
    .flatMap((name) => {
      const step = stepOf(name);
      return step === undefined ? [] : [{ step, path: join(directory, name) }];
    })
    .sort((a, b) => b.step - a.step);
}

/** Throws `CHECKPOINT_DAMAGED` for what was not written as a checkpoint or changed since. */
async function readState(path: string): Promise<StateFile> {
  const damaged = (problem: string, cause?: unknown) =>
    new PipelineError({ code: "CHECKPOINT_DAMAGED", message: `${path}: ${problem}`, cause });
  let state: unknown;
  try {
    state = JSON.parse(await readFile(join(path, stateFile), "utf8"));
  } catch (cause) {
    throw damaged(`${stateFile} cannot be read`, cause);
  }
  if (!isStateFile(state)) throw damaged(`${stateFile} is not of format version 2`);
  const digest = await digestOfFile(join(path, tensorsFile)).catch((cause: unknown) => {
    throw damaged(`${tensorsFile} cannot be read`, cause);
  });
  if (digest !== state.tensorsDigest) throw damaged(`${tensorsFile} is not what was written`);
  return state;
}

const isStateFile = (value: unknown): value is StateFile =>
  isObject(value) &&
  value["formatVersion"] === 2 &&
  Number.isSafeInteger(value["step"]) &&
  Number.isSafeInteger(value["tokensSeen"]) &&
  typeof value["tensorsDigest"] === "string" &&
  isObject(value["cursor"]) &&
  isObject(value["identity"]) &&
  isObject(value["plan"]) &&
  (value["threadsPerOperation"] === undefined || Number.isSafeInteger(value["threadsPerOperation"])) &&
  (value["guard"] === undefined || isGuardState(value["guard"]));

const isGuardState = (value: unknown): boolean =>
  isObject(value) &&
  isRollbackLog(value["rollbacks"]) &&
  isObject(value["window"]) &&
  isNumbers(value["window"]["losses"]) &&
  isNumbers(value["window"]["gradientNorms"]);

const isNumbers = (value: unknown): boolean =>
  Array.isArray(value) && value.every((each: unknown) => typeof each === "number");

/** Undefined where all steps until the checkpoint had the rates that they have in this run. */
function rateDifference({ plan: theirs, step }: TrainingState, ours: TrainingPlan): string | undefined {
  const shared = sharedSteps(theirs, ours);
  if (shared >= step) return undefined;
  const rates = [theirs, ours].map(({ schedule }) => learningRateAt(schedule, shared + 1));
  return shared >= ours.totalSteps
    ? `it has taken ${step} steps of ${ours.totalSteps}`
    : `the learning rate of step ${shared + 1} was ${rates.join(" and is ")}`;
}

function firstDifference(theirs: JsonObject, ours: JsonObject): string {
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(ours)]))
    if (!isDeepStrictEqual(theirs[key], ours[key]))
      return `${key} was ${JSON.stringify(theirs[key])} and is ${JSON.stringify(ours[key])}`;
  return "they differ";
}
