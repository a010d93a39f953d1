/**
 * Finished models as artifacts: a folder in Hugging Face layout, the record of every training that the weights
 * went through, and the metrics of each step.
 */
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { EngineIdentity } from "../src/engine/engine.ts";
import { PipelineError } from "../src/errors.ts";
import { loadLlama, weightsFile } from "../src/model/llama-files.ts";
import { countParameters } from "../src/model/llama-parameters.ts";
import { anyOf, artifact } from "../src/pipeline/index.ts";
import { readJsonl } from "../src/std/jsonl.ts";
import type { TrainedModel } from "../src/train/run-training.ts";
import { openTokenizer, tokenizerFile } from "./tokenizer-artifact.ts";

export const metricsFile = "metrics.jsonl";
const recordFile = "training.json";

const figures = z.record(z.string(), z.number());

/** How one stage trained. The clock is left out: the same training gives the same bytes. */
const trainingRecord = z.strictObject({
  stage: z.enum(["pretrain", "sft", "dpo"]),
  engine: z.strictObject({ kind: z.string(), version: z.string(), device: z.string() }),
  parameters: z.int(),
  steps: z.int(),
  /** Positions that passed through the model, padding included. */
  tokensSeen: z.int(),
  peakLearningRate: z.number(),
  firstLoss: z.number(),
  /** Mean over the last twentieth of the steps. */
  finalLoss: z.number(),
  /** Counts of what it was trained on, e.g. conversations kept and dropped by reason. */
  data: figures,
  /** Figures of its own kind, e.g. reward accuracy on held-out pairs. */
  figures,
});
export type TrainingRecord = z.infer<typeof trainingRecord>;

const recordSchema = z.strictObject({
  formatVersion: z.literal(1),
  trainings: z.array(trainingRecord).min(1),
});

export interface CheckpointValue {
  readonly directory: string;
  readonly weightsPath: string;
  /** First to last. */
  readonly trainings: readonly TrainingRecord[];
}

export interface CheckpointContent {
  readonly stage: TrainingRecord["stage"];
  readonly trained: TrainedModel;
  readonly engine: EngineIdentity;
  readonly peakLearningRate: number;
  readonly data: TrainingRecord["data"];
  readonly metricsPath: string;
  /** Text of tokenizer.json: with it the folder is all that a reader needs. */
  readonly tokenizerJson: string;
  /** Trainings of the model that this one began with. */
  readonly before: readonly TrainingRecord[];
  /** Figures that need the finished model; its folder is complete but for the record. */
  readonly measure?: (directory: string) => Promise<TrainingRecord["figures"]>;
}

export interface CheckpointWriter {
  /** Writes everything and gives the new record. */
  save(content: CheckpointContent): Promise<TrainingRecord>;
}

const checkpoint = <const Kind extends string>(kind: Kind) =>
  artifact({
    kind,
    formatVersion: 1,
    open: openCheckpoint,
    create: (directory): Promise<CheckpointWriter> =>
      Promise.resolve({ save: (content) => saveCheckpoint(directory, content) }),
    validate: async (directory) => {
      await openCheckpoint(directory);
      await using _weights = await loadLlama(directory);
      await openTokenizer(directory);
      await readLosses(join(directory, metricsFile));
    },
  });

export const BaseCheckpoint = checkpoint("checkpoint/base");
export const SftCheckpoint = checkpoint("checkpoint/sft");
export const DpoCheckpoint = checkpoint("checkpoint/dpo");
export const AnyCheckpoint = anyOf(BaseCheckpoint, SftCheckpoint, DpoCheckpoint);

/** Throws `CHECKPOINT_INVALID`. */
export async function openCheckpoint(directory: string): Promise<CheckpointValue> {
  const path = join(directory, recordFile);
  try {
    const { trainings } = recordSchema.parse(JSON.parse(await readFile(path, "utf8")));
    return { directory, weightsPath: join(directory, weightsFile), trainings };
  } catch (cause) {
    throw new PipelineError({
      code: "CHECKPOINT_INVALID",
      message: `${path} is no training record: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: "npx pipeline check --deep",
      cause,
    });
  }
}

async function saveCheckpoint(directory: string, content: CheckpointContent): Promise<TrainingRecord> {
  const { trained, engine, stage, peakLearningRate, data, before } = content;
  await trained.saveWeights(directory);
  await copyFile(content.metricsPath, join(directory, metricsFile));
  await writeFile(join(directory, tokenizerFile), content.tokenizerJson);
  const losses = await readLosses(content.metricsPath);
  const last = losses.slice(-Math.ceil(losses.length / 20));
  await using model = await loadLlama(directory);
  const record: TrainingRecord = {
    stage,
    engine: { ...engine },
    parameters: countParameters(model.config),
    steps: trained.steps,
    tokensSeen: trained.tokensSeen,
    peakLearningRate,
    firstLoss: losses[0] ?? NaN,
    finalLoss: last.reduce((sum, loss) => sum + loss, 0) / last.length,
    // A run that left data out says so.
    data: trained.rollbacks === 0 ? data : { ...data, rollbacks: trained.rollbacks },
    figures: (await content.measure?.(directory)) ?? {},
  };
  const file = { formatVersion: 1, trainings: [...before, record] };
  await writeFile(join(directory, recordFile), `${JSON.stringify(file, null, 2)}\n`);
  return record;
}

/** The loss of every step. Throws `CHECKPOINT_INVALID` where a line has none. */
async function readLosses(path: string): Promise<readonly number[]> {
  const losses: number[] = [];
  for await (const { value, line } of readJsonl(path)) {
    const loss = typeof value === "object" && value !== null && "loss" in value ? value["loss"] : undefined;
    if (typeof loss !== "number")
      throw new PipelineError({
        code: "CHECKPOINT_INVALID",
        message: `${path}:${line}: a step without a loss`,
      });
    losses.push(loss);
  }
  return losses;
}
