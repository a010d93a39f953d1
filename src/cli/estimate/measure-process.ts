/**
 * The process that trains for seconds to know this machine's speed: one of its own, because memory and threads of the
 * native engine are set when a process starts, and it must be as a stage's.
 *
 * usage: measure-process.mjs WATCHDOG PID, the compiled watchdog and the process to end with; told what to measure over IPC
 */
import { Worker } from "node:worker_threads";
import { openDevices } from "../../engine/open-devices.ts";
import { serializeError, type SerializedError } from "../../errors.ts";
import type { WatchdogData } from "../../runner/watchdog.ts";
import { measureTraining, type SpeedMeasurement } from "../../train/measure-training.ts";
import type { TrainingProgramOptions } from "../../train/training-program.ts";

export interface MeasureRequest {
  readonly options: TrainingProgramOptions;
  readonly devices: number;
  readonly budgetMs: number;
}

export type MeasureAnswer =
  | { readonly measurement: SpeedMeasurement; readonly error?: undefined }
  | { readonly measurement?: undefined; readonly error: SerializedError };

const [watchdog = "", parent] = process.argv.slice(2);
const workerData: WatchdogData = { runner: Number(parent) };
new Worker(watchdog, { workerData }).unref();
process.on("disconnect", () => process.exit(0));
process.on("message", (message) => {
  // Only measure-now.ts talks on this channel.
  const { options, devices, budgetMs } = message as MeasureRequest;
  const end = (answer: MeasureAnswer): void => {
    process.send?.(answer, undefined, undefined, () => process.disconnect());
  };
  openDevices({ devices })
    .then((engine) => measureTraining({ engine, options, budgetMs }))
    .then(
      (measurement) => end({ measurement }),
      (error: unknown) => end({ error: serializeError(error) }),
    );
});
