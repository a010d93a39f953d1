/** A whole training, whatever its objective: compiles the program, begins or resumes, runs the loop to its end. */
import type { CallEach } from "../engine/call-each.ts";
import type { Executable } from "../engine/engine.ts";
import { userError } from "../errors.ts";
import { saveLlama } from "../model/llama-files.ts";
import type { Json, JsonObject } from "../std/json.ts";
import { writeInitialWeights } from "./initial-weights.ts";
import { checkLossGuard } from "./loss-guard.ts";
import { checkSchedule } from "./schedules.ts";
import { TrainLoop } from "./train-loop.ts";
import type { MicroBatches, TrainLoopOptions } from "./training-options.ts";
import type { TrainingProgram } from "./training-program.ts";
import { compileTraining } from "./training-step.ts";

export interface TrainedModel extends AsyncDisposable {
  readonly executable: Executable;
  readonly steps: number;
  readonly tokensSeen: number;
  /** How often the run returned to an earlier step. */
  readonly rollbacks: number;
  /** Writes model.safetensors and config.json into an existing folder. */
  saveWeights(directory: string): Promise<void>;
}

/**
 * Trains to `totalSteps`, from the newest checkpoint if there is one.
 * `prepare` calls functions of the program with its initial weights, also when the run is then resumed.
 * Throws `INTERRUPTED`, `NON_FINITE_LOSS`, `LOSS_SPIKE`, `CHECKPOINT_MISMATCH`, `SCHEDULE_INVALID`, `TRAINING_INVALID`.
 */
export async function runTraining(
  objective: string,
  training: TrainingProgram,
  options: TrainLoopOptions,
  prepare: (functions: CallEach, identity: JsonObject) => Promise<MicroBatches>,
): Promise<TrainedModel> {
  const { engine, totalSteps, schedule } = options;
  if (!Number.isSafeInteger(totalSteps) || totalSteps < 1)
    throw userError("TRAINING_INVALID", `totalSteps is ${totalSteps}`, "It must be a positive whole number.");
  checkSchedule(schedule);
  checkGuard(options);
  const { executable, takeStep, ...functions } = await compileTraining(engine, training);
  try {
    await writeInitialWeights(executable, training.options.model, options.initialWeights);
    const { lossGuard } = options;
    const devices = engine.devices?.count;
    const settings = { objective, ...training.options, engine: engine.identity, devices, lossGuard };
    const identity = { ...(toJson(settings) as JsonObject), ...options.identity };
    const batches = await prepare(functions, identity);
    const loop = new TrainLoop({ training, options, executable, takeStep, batches, identity });
    await loop.run();
    return {
      executable,
      steps: loop.step,
      tokensSeen: loop.tokensSeen,
      rollbacks: loop.rollbacks.count,
      saveWeights: (directory) =>
        saveLlama(directory, training.options.model, (name) => executable.readVariable(name)),
      [Symbol.asyncDispose]: () => executable[Symbol.asyncDispose](),
    };
  } catch (error) {
    await executable[Symbol.asyncDispose]();
    throw error;
  }
}

/** As JSON has it: what is undefined is left out. */
const toJson = (value: object): Json => JSON.parse(JSON.stringify(value)) as Json;

function checkGuard({ lossGuard, checkpoints }: TrainLoopOptions): void {
  if (lossGuard === undefined) return;
  checkLossGuard(lossGuard);
  if (lossGuard.action === "rollback" && checkpoints === undefined)
    throw userError("TRAINING_INVALID", "lossGuard.action is rollback", "It needs a folder for checkpoints.");
}
