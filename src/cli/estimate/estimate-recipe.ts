/** Everything that `estimate` tells of a recipe, as one document. */
import { formatBytes } from "../../report/quantity.ts";
import { estimateDisk, type DiskEstimate } from "../../train/estimate-disk.ts";
import {
  assumedUtilisation,
  estimateOn,
  namedDevices,
  type DeviceEstimate,
  type StageChoice,
  type StageWork,
} from "../../train/estimate-devices.ts";
import type { TrainingMemory } from "../../train/estimate-memory.ts";
import { recomputeChoices, type Recompute } from "../../model/llama.ts";
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
  /** Memory that the largest stage needs, with the runtime's own: of the accelerator, or of all devices that are shares of the cores. */
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
  /** Memory is that of each device. */
  readonly pretrain: StageEstimate & {
    readonly steps: number;
    readonly tokens: number;
    readonly devices: number;
  };
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
    return { stage, options: program.options, estimate: estimateStage(program, sequencesPerRow(stage)) };
  });
  const [base, ...tuning] = stages;
  if (base === undefined) throw new Error("there is no pretraining to estimate");
  const { devices } = recipe.pretrain;
  const pretrain = { ...base.estimate, steps, tokens: steps * base.estimate.tokensPerStep, devices };
  const prediction = kept && predictSpeed(base.options, base.estimate.flopsPerStep, kept.measurement);
  const disk = estimateDisk({
    ...corpusOf(recipe),
    parameters: parameters.total,
    vocabSize: vocabSizeOf(recipe),
    keepCheckpoints: recipe.pretrain.keepCheckpoints,
  });
  const neededMemoryBytes = Math.max(
    ...stages.map(({ stage, estimate }) => roomHere(estimate.memory, recipe[stage], machine).needed),
  );
  const work = {
    tokens: pretrain.tokens,
    tokensPerStep: pretrain.tokensPerStep,
    gradientBytes: pretrain.memory.accumulators,
    devices,
    pretrain: workOf(recipe, base),
    tuning: tuning.map((stage) => workOf(recipe, stage)),
  };
  return {
    config,
    parameters: { ...parameters, naive: naiveCount(modelOf(recipe)) },
    pretrain,
    tuning: stages.flatMap(({ stage, estimate }) => {
      if (stage === "pretrain") return [];
      const rows = 1000 * recipe[stage].epochs;
      const tokensPer1000 = (rows * estimate.tokensPerStep) / estimate.rowsPerStep;
      // What was measured is what so many devices do.
      const seconds =
        prediction &&
        recipe[stage].devices === devices &&
        (tokensPer1000 * estimate.flopsPerToken) / prediction.flopsPerSecond;
      return [
        {
          stage,
          ...estimate,
          stepsPer1000: rows / estimate.rowsPerStep,
          tokensPer1000,
          ...(typeof seconds !== "number" ? {} : { secondsPer1000: seconds }),
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

/** A pair is two sequences. */
const sequencesPerRow = (stage: TrainingStage): number => (stage === "dpo" ? 2 : 1);

/** A stage as the recipe has it, and with more computed again. */
function workOf(
  recipe: TrainingRecipe,
  { stage, estimate }: { readonly stage: TrainingStage; readonly estimate: StageEstimate },
): StageWork {
  const choiceOf = (recompute: Recompute, { memory, flopsPerToken }: StageEstimate): StageChoice => ({
    recompute,
    memoryBytes: memory.total,
    flopsPerToken,
  });
  const choice = (recompute: Recompute) =>
    choiceOf(
      recompute,
      estimateStage(
        programOf({ ...recipe, [stage]: { ...recipe[stage], recompute } }, stage),
        sequencesPerRow(stage),
      ),
    );
  const own = recipe[stage].recompute;
  const further = recomputeChoices.slice(recomputeChoices.indexOf(own) + 1);
  return { stage, choices: [choiceOf(own, estimate), ...further.map(choice)] };
}

/**
 * Bytes of the memory that computes: an accelerator holds one device of a stage; the machine's own memory holds all of them, and
 * what they share (ADR 0028). `most`: what a device's program may take of it.
 */
function roomHere(
  { total, accumulators }: TrainingMemory,
  { devices }: { readonly devices: number },
  { engine, memoryBytes }: Machine,
): { readonly needed: number; readonly most: number; readonly with: (total: number) => number } {
  const isShared = engine.device === "cpu" && devices > 1;
  const count = isShared ? devices : 1;
  const beside = runtimeBytes + (isShared ? accumulators : 0);
  const needed = (bytes: number) => count * (bytes + beside);
  return { needed: needed(total), most: memoryBytes / count - beside, with: needed };
}

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
  const here = roomHere(estimate.memory, recipe[stage], machine);
  if (here.needed <= memoryBytes) return [];
  const define = (changed: typeof options) =>
    stage === "dpo"
      ? programOf({ ...recipe, dpo: { ...recipe.dpo, ...economyOf(changed) } }, "dpo")
      : pretrainingProgram(changed);
  const smaller = firstThatFits(options, define, here.most);
  const message = `${stage} needs about ${formatBytes(here.needed)} of memory, and this machine has ${formatBytes(memoryBytes)}`;
  const alone = roomHere(estimate.memory, { devices: 1 }, machine);
  if (smaller === undefined && alone.needed <= memoryBytes) {
    const command = ["npx pipeline estimate", ...named, `--set ${stage}.devices=1`].join(" ");
    return [{ what: "memory", message, hint: `${command} needs ${formatBytes(alone.needed)}` }];
  }
  if (smaller === undefined)
    return [{ what: "memory", message, hint: "a smaller model: npx pipeline estimate --config small" }];
  const { recompute, microBatchSize, gradientAccumulation } = smaller.economy;
  const changes = { recompute, microBatchSize, gradientAccumulation };
  const flags = Object.entries(changes).map(([field, value]) => `--set ${stage}.${field}=${value}`);
  const command = ["npx pipeline estimate", ...named, ...flags].join(" ");
  const hint = `${command} needs ${formatBytes(here.with(smaller.bytes))} for the same steps`;
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
