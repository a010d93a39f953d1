/** Measurements of speed that were made on this machine, in the user's cache folder. */
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { EngineIdentity } from "../../engine/engine.ts";
import { userCacheFolder } from "../../engine/provision/engine-build.ts";
import { writeFileAtomic } from "../../std/write-file-atomic.ts";
import type { SpeedMeasurement } from "../../train/measure-training.ts";
import type { TrainingProgramOptions } from "../../train/training-program.ts";

const milliseconds = z.strictObject({ fixed: z.number(), layer: z.number() });
const shapeSchema = z.strictObject({
  hiddenSize: z.number(),
  intermediateSize: z.number(),
  numHeads: z.number(),
  numKvHeads: z.number(),
  vocabSize: z.number(),
  sequenceLength: z.number(),
  recompute: z.string(),
  precision: z.string().default("float32"),
});
const keptSchema = z.strictObject({
  shape: shapeSchema,
  measuredAt: z.string(),
  measurement: z.strictObject({
    engine: z.strictObject({
      kind: z.enum(["tensorflow", "wasm", "cpu"]),
      version: z.string(),
      device: z.enum(["cpu", "gpu"]),
    }),
    devices: z.number().default(1),
    sequences: z.number(),
    sequenceLength: z.number(),
    callMs: milliseconds,
    updateMs: milliseconds,
  }),
});
const fileSchema = z.strictObject({ format: z.literal(1), kept: z.array(keptSchema) });

export type KeptMeasurement = z.output<typeof keptSchema>;
type MeasuredShape = z.output<typeof shapeSchema>;

export const measurementsFile = (): string => join(userCacheFolder(), "training-speed.json");

/** Everything that decides the time of a step but depth and the number of sequences. */
export function shapeOf({
  model,
  sequenceLength,
  recompute = "none",
  precision = "float32",
}: TrainingProgramOptions): MeasuredShape {
  const { hiddenSize, intermediateSize, numHeads, numKvHeads, vocabSize } = model;
  return {
    hiddenSize,
    intermediateSize,
    numHeads,
    numKvHeads,
    vocabSize,
    sequenceLength,
    recompute,
    precision,
  };
}

/** What was measured with so many devices of this engine for these shapes; undefined where nothing was. */
export async function keptMeasurement(
  engine: EngineIdentity,
  options: TrainingProgramOptions,
  devices: number,
): Promise<KeptMeasurement | undefined> {
  const shape = shapeOf(options);
  return (await readAll()).find(isOf({ engine, devices }, shape));
}

const isOf =
  ({ engine, devices }: Pick<SpeedMeasurement, "engine" | "devices">, shape: MeasuredShape) =>
  (kept: KeptMeasurement): boolean =>
    isDeepStrictEqual(kept.measurement.engine, engine) &&
    kept.measurement.devices === devices &&
    isDeepStrictEqual(kept.shape, shape);

/** `now`: for people, who want to know how old a figure is. */
export async function keepMeasurement(
  options: TrainingProgramOptions,
  measurement: SpeedMeasurement,
  now: Date,
): Promise<KeptMeasurement> {
  const shape = shapeOf(options);
  const kept = { shape, measuredAt: now.toISOString(), measurement };
  const isSame = isOf(measurement, shape);
  const others = (await readAll()).filter((each) => !isSame(each));
  const file = measurementsFile();
  await mkdir(dirname(file), { recursive: true });
  await writeFileAtomic(file, `${JSON.stringify({ format: 1, kept: [...others, kept] }, null, 2)}\n`);
  return kept;
}

async function readAll(): Promise<readonly KeptMeasurement[]> {
  try {
    return fileSchema.parse(JSON.parse(await readFile(measurementsFile(), "utf8"))).kept;
  } catch {
    // No file, or one of another version: nothing was measured, and measuring again writes it anew.
    return [];
  }
}
