/** Trains for seconds, as a stage would, to know this machine's speed, and keeps what came out for later questions. */
import { join } from "node:path";
import { execa } from "execa";
import { PipelineError } from "../../errors.ts";
import { formatDuration } from "../../report/quantity.ts";
import { withMalloc } from "../../std/malloc.ts";
import type { SpeedMeasurement } from "../../train/measure-training.ts";
import type { TrainingProgramOptions } from "../../train/training-program.ts";
import { keepMeasurement, type KeptMeasurement } from "./kept-measurements.ts";
import type { MeasureAnswer, MeasureRequest } from "./measure-process.ts";

export interface MeasurePlace {
  readonly compiledDirectory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly report: (message: string) => void;
}

export interface MeasureNowOptions {
  readonly what?: string;
  /** How many compute at once. */
  readonly devices?: number;
  /** Milliseconds of training steps; compiling comes on top. */
  readonly budgetMs?: number;
  /** Milliseconds after which the process is taken to hang. */
  readonly limitMs?: number;
}

/** Throws what the engine throws, and `MEASUREMENT_DIED`. */
export async function measureNow(
  options: TrainingProgramOptions,
  place: MeasurePlace,
  {
    what = "this recipe's shape",
    devices = 1,
    budgetMs = 10_000,
    limitMs = budgetMs + 300_000,
  }: MeasureNowOptions = {},
): Promise<KeptMeasurement> {
  const on = devices === 1 ? "" : ` on ${devices} devices`;
  place.report(`measuring ${what}${on}: compiling, then ${formatDuration(budgetMs)} of training steps`);
  const measurement = await measureApart({ options, devices, budgetMs }, place, limitMs);
  return await keepMeasurement(options, measurement, new Date());
}

/** In a process that starts as a stage's does. */
async function measureApart(
  request: MeasureRequest,
  { compiledDirectory, env }: MeasurePlace,
  limitMs: number,
): Promise<SpeedMeasurement> {
  const compiled = (name: string) => join(compiledDirectory, name);
  const child = execa(
    process.execPath,
    ["--enable-source-maps", compiled("measure-process.mjs"), compiled("watchdog.mjs"), String(process.pid)],
    {
      ...{ env: withMalloc("tensors", env), extendEnv: false, ipc: true, stdin: "ignore", reject: false },
      // Native code does not look up from its work for less.
      ...{ timeout: limitMs, killSignal: "SIGKILL" },
    },
  );
  let answer: MeasureAnswer | undefined;
  child.on("message", (message) => {
    // Only measure-process.ts talks on this channel.
    answer = message as unknown as MeasureAnswer;
  });
  child.send(request, () => undefined);
  const { exitCode, signal, timedOut, stderr } = await child;
  if (answer?.measurement !== undefined) return answer.measurement;
  if (answer !== undefined) {
    const { code, message, hint, kind } = answer.error;
    throw new PipelineError({ code, message, hint, kind });
  }
  const how = timedOut
    ? `was not done within ${formatDuration(limitMs)}`
    : signal === undefined
      ? `ended with exit code ${exitCode ?? "unknown"}`
      : `was killed by ${signal}`;
  throw new PipelineError({
    code: "MEASUREMENT_DIED",
    message: [`the process that measures ${how}`, ...stderr.split("\n").slice(-3)].join("\n").trimEnd(),
    hint: "where the system killed it, or it was very slow, memory was short: npx pipeline estimate",
  });
}
