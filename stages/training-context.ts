/** What the loop of `src/train` is told of the runner: where checkpoints go, when to stop, and who hears of steps. */
import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { OpenDevicesOptions } from "../src/engine/open-devices.ts";
import type { StageContext } from "../src/pipeline/index.ts";
import type { TrainLoopOptions } from "../src/train/training-options.ts";

const progressIntervalMs = 250;

/** On how many devices a stage trains, and where they may put what they share. */
export const devicesOf = (
  { devices }: { readonly devices: number },
  { checkpointDirectory, log }: Pick<StageContext, "checkpointDirectory" | "log">,
): OpenDevicesOptions => ({ devices, scratchDirectory: checkpointDirectory, onNote: log });

interface Policy {
  readonly checkpointEverySteps: number;
  readonly keepCheckpoints: number;
}

/** Below the checkpoint directory. */
const folder = "training";
const metricsFile = "metrics.jsonl";

/** `milestone`: the step whose checkpoint the runner keeps for longer runs. */
export function trainingContext(
  context: StageContext,
  { checkpointEverySteps, keepCheckpoints }: Policy,
  milestone?: number,
): Required<Pick<TrainLoopOptions, "checkpoints" | "metricsPath" | "signal" | "onStep" | "onNotice">> & {
  readonly metricsPath: string;
} {
  const directory = join(context.checkpointDirectory, folder);
  mkdirSync(directory, { recursive: true });
  // The clock is for people: tokens per second never reach a file.
  let last = { time: performance.now(), tokens: -1 };
  return {
    checkpoints: { directory, everySteps: checkpointEverySteps, keepLast: keepCheckpoints, milestone },
    metricsPath: join(directory, metricsFile),
    signal: context.signal,
    onStep({ step, totalSteps, loss, learningRate, gradientNorm, tokensSeen, rewardAccuracy }) {
      const now = performance.now();
      const elapsedMs = now - last.time;
      if (last.tokens >= 0 && elapsedMs < progressIntervalMs && step < totalSteps) return;
      const tokensPerSecond = last.tokens < 0 ? undefined : ((tokensSeen - last.tokens) / elapsedMs) * 1000;
      last = { time: now, tokens: tokensSeen };
      context.progress({
        done: step,
        total: totalSteps,
        unit: "steps",
        metrics: {
          loss,
          learningRate,
          gradientNorm,
          ...(tokensPerSecond === undefined ? {} : { tokensPerSecond }),
          ...(rewardAccuracy === undefined ? {} : { rewardAccuracy }),
        },
      });
    },
    onNotice(notice) {
      switch (notice.kind) {
        case "checkpointed":
          if (notice.step === milestone)
            context.checkpointed(notice.step, [
              `${folder}/${basename(notice.path)}`,
              `${folder}/${metricsFile}`,
            ]);
          else context.checkpointed(notice.step);
          return;
        case "rolledBack": {
          const { toStep, spikeStep, reason, rows } = notice.rollback;
          last = { time: performance.now(), tokens: -1 };
          context.log(
            `step ${spikeStep} has ${reason}: back to step ${toStep}, its data left out (${rows.length} rows: ${folder}/rollbacks.json)`,
          );
          return;
        }
        case "resumed":
          context.log(`going on from the checkpoint of step ${notice.step}`);
          return;
        case "threadsChanged": {
          const text = `${notice.now} threads shared an operation, ${notice.before} did before: the result may differ in its last bits from that of a run that was never stopped`;
          context.log(text);
          context.remark(text);
          return;
        }
        case "checkpointSkipped":
          context.log(`passed over an unreadable checkpoint: ${notice.path}: ${String(notice.error)}`);
      }
    },
  };
}
