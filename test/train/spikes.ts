/** Runs whose loss is not a number at some places of the data, and a guard that rolls them back. Not a test. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Batch, BatchSource } from "../../src/data/batch.ts";
import type { Engine } from "../../src/engine/engine.ts";
import type { LossGuardConfig } from "../../src/train/loss-guard.ts";
import type { TrainLanguageModelOptions } from "../../src/train/train-language-model.ts";
import { numberedBatches, totalSteps, trainTiny, type Change, type Rig } from "./training-rig.ts";

export const guard = {
  action: "rollback",
  window: 4,
  lossZScore: 50,
  rollbackEverySteps: 2,
  rewindSteps: 1,
  skipSteps: 1,
  maxRollbacks: 3,
} as const satisfies LossGuardConfig;

/** The numbered batches, which tell their rows; those at some places have been through `spoil`. */
export function spoiltWhere(
  isSpoilt: (place: number) => boolean,
  spoil: (batch: Batch) => Partial<Batch>,
): BatchSource & { readonly given: number[] } {
  const source = numberedBatches();
  return {
    ...source,
    async next() {
      const batch = await source.next();
      const place = source.given.at(-1) ?? NaN;
      return {
        ...batch,
        origins: () => Promise.resolve([`row ${place}.0`, `row ${place}.1`]),
        ...(isSpoilt(place) ? spoil(batch) : {}),
      };
    },
  };
}

export const withoutLoss = ({ lossMask }: Batch): Partial<Batch> => ({ lossMask: lossMask.map(() => NaN) });

export const spoilt = (places: readonly number[]) =>
  spoiltWhere((place) => places.includes(place), withoutLoss);

/** All that a guarded run leaves. */
export async function trainGuarded(engine: Engine, rig: Rig, change: Change<TrainLanguageModelOptions>) {
  const weights = await trainTiny(engine, rig, {
    lossGuard: guard,
    checkpoints: { ...rig.checkpoints, milestone: totalSteps },
    ...change,
  });
  const last = join(rig.checkpoints.directory, `step-00000${totalSteps}`);
  return {
    weights: weights.toString("base64"),
    tensors: (await readFile(join(last, "state.safetensors"))).toString("base64"),
    state: await readFile(join(last, "state.json"), "utf8"),
    metrics: await readFile(rig.metricsPath, "utf8"),
    rollbacks: await readFile(join(rig.checkpoints.directory, "rollbacks.json"), "utf8"),
  };
}
