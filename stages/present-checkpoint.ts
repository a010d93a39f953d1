/** Beside a model in artifacts/: its loss curve as a picture and all its figures as a page. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { lossCurve } from "../src/report/loss-curve.ts";
import { formatCount } from "../src/report/quantity.ts";
import { parseMetrics } from "../src/report/training-metrics.ts";
import { trainingPage } from "../src/report/training-page.ts";
import { metricsFile, openCheckpoint } from "./checkpoint-artifact.ts";

const headings = {
  pretrain: "Pretraining",
  sft: "Supervised fine-tuning",
  dpo: "Direct preference optimisation",
};

async function presentCheckpoint(directory: string): Promise<void> {
  const { trainings } = await openCheckpoint(directory);
  const training = trainings.at(-1);
  if (training === undefined) return;
  const { stage, engine, parameters, steps, tokensSeen, finalLoss, figures } = training;
  const metrics = parseMetrics(await readFile(join(directory, metricsFile), "utf8"));
  const curve = {
    title: `${stage}: loss`,
    metrics,
    ...(stage === "dpo"
      ? { yLabel: "DPO loss (nats per pair)", references: [{ label: "ln 2: no preference", y: Math.LN2 }] }
      : {}),
  };
  const page = trainingPage({
    ...curve,
    heading: headings[stage],
    figures: [
      { label: "parameters", value: formatCount(parameters) },
      { label: "steps", value: formatCount(steps) },
      { label: "tokens seen", value: formatCount(tokensSeen) },
      { label: "final loss", value: finalLoss.toFixed(3) },
      { label: "engine", value: `${engine.kind} ${engine.version} (${engine.device})` },
      ...Object.entries(figures).map(([label, value]) => ({
        label: `held-out ${label}`,
        value: value.toFixed(3),
      })),
    ],
  });
  await writeFile(join(directory, "loss.svg"), lossCurve(curve));
  await writeFile(join(directory, "training.html"), page);
}

/** For the pipeline's `present`. */
export const presentCheckpoints = {
  "checkpoint/base": presentCheckpoint,
  "checkpoint/sft": presentCheckpoint,
  "checkpoint/dpo": presentCheckpoint,
};
