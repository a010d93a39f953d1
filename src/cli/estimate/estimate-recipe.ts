/** Everything that `estimate` tells of a recipe, as one document. */
import { formatBytes } from "../../report/quantity.ts";
import { estimateDisk, type DiskEstimate } from "../../train/estimate-disk.ts";
import {
  assumedUtilisation,
  estimateOn,
  namedDevices,
  type DeviceEstimate,
} from "../../train/estimate-devices.ts";
import { trainingCost } from "../../train/estimate-memory.ts";
import { countByPart, naiveCount, type ParameterCounts } from "../../train/estimate-parameters.ts";
import { estimateStage, firstThatFits, type StageEstimate } from "../../train/estimate-stage.ts";
import { predictSpeed, type SpeedPrediction } from "../../train/measure-training.ts";
import { pretrainingProgram } from "../../train/pretraining-program.ts";
import type { KeptMeasurement } from "./kept-measurements.ts";
import type { Machine } from "./machine.ts";
import {
  corpusOf,
  modelOf,
  programOf,
  trainingStages,
  vocabSizeOf,
  type TrainingRecipe,
  type TrainingStage,
} from "./training-recipe.ts";

export interface MachineEstimate extends Machine {
  /** Memory that the largest stage needs, with the runtime's own. */
  readonly neededMemoryBytes: number;
  /** Absent where nothing was measured. */
  readonly speed?: SpeedPrediction & {
    readonly measuredAt: string;
    readonly tokensPerDay: number;
    readonly hours: number;
  };
}

export interface Problem {
  readonly what: "memory" | "disk";
  readonly message: string;
  readonly hint: string;
}

export interface RecipeEstimate {
  readonly config: string;
  readonly parameters: ParameterCounts & { readonly naive: number };
  readonly pretrain: StageEstimate & { readonly steps: number; readonly tokens: number };
  /** Their steps follow from the data. */
  readonly tuning: readonly (StageEstimate & {
    readonly stage: Exclude<TrainingStage, "pretrain">;
    /** Of 1,000 rows or pairs, all epochs. */
    readonly stepsPer1000: number;
    readonly tokensPer1000: number;
    readonly secondsPer1000?: number;
  })[];
  readonly disk: DiskEstimate;
  readonly machine: MachineEstimate;
  readonly assumedUtilisation: number;
  readonly devices: readonly DeviceEstimate[];
  /** Why this recipe cannot run here; empty where it can. */
  readonly problems: readonly Problem[];
}

export interface NamedRecipe {
  readonly config: string;
  /** The options that name it on the command line, for hints. */
  readonly flags: readonly string[];
  readonly recipe: TrainingRecipe;
}

/** Node, TensorFlow's libraries and what they allocate for themselves. */
const runtimeBytes = 0.7e9;

export function estimateRecipe(
  { config, flags, recipe }: NamedRecipe,
  machine: Machine,
  kept: KeptMeasurement | undefined,
): RecipeEstimate {
  const { steps } = recipe.pretrain;
  const parameters = countByPart(modelOf(recipe));
  const stages = trainingStages.map((stage) => {
    const program = programOf(recipe, stage);
    return { stage, options: program.options, estimate: estimateStage(program, stage === "dpo" ? 2 : 1) };
  });
  const [base] = stages;
  if (base === undefined) throw new Error("there is no pretraining to estimate");
  const pretrain = { ...base.estimate, steps, tokens: steps * base.estimate.tokensPerStep };
  const prediction = kept && predictSpeed(base.options, base.estimate.flopsPerStep, kept.measurement);
  const disk = estimateDisk({
    ...corpusOf(recipe),
    parameters: parameters.total,
    vocabSize: vocabSizeOf(recipe),
    keepCheckpoints: recipe.pretrain.keepCheckpoints,
  });
  const stageMemory = stages.map(({ estimate }) => estimate.memory.total);
  const neededMemoryBytes = Math.max(
    ...stages.map(({ stage, estimate }) => neededHere(estimate.memory.total, recipe[stage], machine)),
  );
  const recomputing = (stage: TrainingStage) => {
    const again = { ...recipe, [stage]: { ...recipe[stage], recompute: "blocks" as const } };
    return trainingCost(programOf(again, stage)).memory.total;
  };
  const work = {
    memoryBytesRecomputing: Math.max(...trainingStages.map(recomputing)),
    tokens: pretrain.tokens,
    memoryBytes: Math.max(...stageMemory),
    flopsPerToken: pretrain.flopsPerToken,
    devices: recipe.pretrain.devices,
  };
  return {
    config,
    parameters: { ...parameters, naive: naiveCount(modelOf(recipe)) },
    pretrain,
    tuning: stages.flatMap(({ stage, estimate }) => {
      if (stage === "pretrain") return [];
      const rows = 1000 * recipe[stage].epochs;
      const tokensPer1000 = (rows * estimate.tokensPerStep) / estimate.rowsPerStep;
      const seconds = prediction && (tokensPer1000 * estimate.flopsPerToken) / prediction.flopsPerSecond;
      return [
        {
          stage,
          ...estimate,
          stepsPer1000: rows / estimate.rowsPerStep,
          tokensPer1000,
          ...(seconds === undefined ? {} : { secondsPer1000: seconds }),
        },
      ];
    }),
    disk,
    machine: {
      ...machine,
      neededMemoryBytes,
      ...(kept && prediction
        ? {
            speed: {
              ...prediction,
              measuredAt: kept.measuredAt,
              tokensPerDay: prediction.tokensPerSecond * 86_400,
              hours: pretrain.tokens / prediction.tokensPerSecond / 3600,
            },
          }
        : {}),
    },
    assumedUtilisation,
    devices: namedDevices.map((device) => estimateOn(device, work)),
    problems: [
      ...stages.flatMap((stage) => memoryProblem(recipe, flags, stage, machine)),
      ...diskProblem(disk, machine),
    ],
  };
}

/** Bytes of the memory that computes: an accelerator holds one device of a stage, the machine's own memory all of them. */
const neededHere = (
  bytes: number,
  { devices }: { readonly devices: number },
  { engine }: Pick<Machine, "engine">,
): number => (bytes + runtimeBytes) * (engine.device === "gpu" ? 1 : devices);

function memoryProblem(
  recipe: TrainingRecipe,
  named: readonly string[],
  {
    stage,
    options,
    estimate,
  }: { stage: TrainingStage; options: ReturnType<typeof programOf>["options"]; estimate: StageEstimate },
  machine: Machine,
): readonly Problem[] {
  const { memoryBytes } = machine;
  const here = (bytes: number) => neededHere(bytes, recipe[stage], machine);
  const needed = here(estimate.memory.total);
  if (needed <= memoryBytes) return [];
  const define = (changed: typeof options) =>
    stage === "dpo"
      ? programOf({ ...recipe, dpo: { ...recipe.dpo, ...economyOf(changed) } }, "dpo")
      : pretrainingProgram(changed);
  const smaller = firstThatFits(options, define, (memoryBytes * runtimeBytes) / here(0) - runtimeBytes);
  const message = `${stage} needs about ${formatBytes(needed)} of memory, and this machine has ${formatBytes(memoryBytes)}`;
  if (smaller === undefined)
    return [{ what: "memory", message, hint: "a smaller model: npx pipeline estimate --config small" }];
  const { recompute, microBatchSize, gradientAccumulation } = smaller.economy;
  const changes = { recompute, microBatchSize, gradientAccumulation };
  const flags = Object.entries(changes).map(([field, value]) => `--set ${stage}.${field}=${value}`);
  const command = ["npx pipeline estimate", ...named, ...flags].join(" ");
  const hint = `${command} needs ${formatBytes(here(smaller.bytes))} for the same steps`;
  return [{ what: "memory", message, hint }];
}

const economyOf = ({
  microBatchSize,
  gradientAccumulation,
  recompute = "none",
}: ReturnType<typeof programOf>["options"]) => ({
  microBatchSize,
  gradientAccumulation,
  recompute,
});

function diskProblem({ total }: DiskEstimate, { diskBytes }: Machine): readonly Problem[] {
  if (total <= diskBytes) return [];
  return [
    {
      what: "disk",
      message: `the recipe puts about ${formatBytes(total)} on the disk, and there is room for ${formatBytes(diskBytes)}`,
      hint: "ask for fewer characters (downloadSample.sources), or npx pipeline gc",
    },
  ];
}
