/** The model card's input out of what the stages recorded: no figure that is not in an artifact. */
import { sumTallies, type Manifest } from "../src/data/documents/manifest.ts";
import { headDim, type LlamaConfig } from "../src/model/llama-config.ts";
import { countParameters } from "../src/model/llama-parameters.ts";
import type { CardDataset, ModelCardInput } from "../src/report/model-card.ts";
import type { TrainingRecord } from "./checkpoint-artifact.ts";
import type { Evaluation } from "./scores-artifact.ts";

export interface CardFacts {
  readonly name: string;
  readonly license: string;
  readonly config: LlamaConfig;
  readonly trainings: readonly TrainingRecord[];
  readonly manifests: readonly Manifest[];
  readonly evaluations: readonly Evaluation[];
}

const stageTitles = { pretrain: "pretraining", sft: "SFT", dpo: "DPO" } as const;

export function cardInput({
  name,
  license,
  config,
  trainings,
  manifests,
  evaluations,
}: CardFacts): ModelCardInput {
  const parameters = countParameters(config);
  const dpo = trainings.find(({ stage }) => stage === "dpo")?.figures;
  return {
    name,
    license,
    languages: ["en", "zh"],
    parameters,
    summary:
      "A small bilingual (English and Chinese) language model of the Llama architecture, trained from scratch: " +
      "tokenizer, pretraining, supervised fine-tuning and direct preference optimisation." +
      (dpo === undefined
        ? ""
        : ` On ${String(dpo["pairs"])} held-out preference pairs its reward accuracy is ${figure(dpo["rewardAccuracy"])}` +
          ` (loss ${figure(dpo["loss"])}, margin ${figure(dpo["rewardMargin"])}).`),
    architecture: {
      layers: config.numLayers,
      "hidden size": config.hiddenSize,
      "intermediate size": config.intermediateSize,
      "query heads": config.numHeads,
      "key/value heads": config.numKvHeads,
      "head size": headDim(config),
      "vocabulary size": config.vocabSize,
      "context length": config.contextLength,
      "rope theta": config.ropeTheta,
      "tied embedding": "yes",
    },
    datasets: datasets(manifests),
    training: trainings.map(
      ({ stage, steps, tokensSeen, peakLearningRate, firstLoss, finalLoss, engine }) => ({
        stage: stageTitles[stage],
        steps,
        tokens: tokensSeen,
        learningRate: peakLearningRate,
        firstLoss,
        finalLoss,
        engine: `${engine.kind} ${engine.version}, ${engine.device}`,
      }),
    ),
    scores: evaluations.flatMap(({ scores }) => scores),
    samples: evaluations.at(-1)?.samples ?? [],
    constructed: constructed(manifests),
    limits: [
      `It is small (${parameters.toLocaleString("en-US")} parameters) and saw little text: it states falsehoods fluently.`,
      "It was not tested for safety and must not be relied on for advice of any kind.",
      `It reads at most ${config.contextLength} tokens at once.`,
    ],
  };
}

const figure = (value: number | undefined): string => (value ?? NaN).toFixed(3);

/** Every source once, with what it was read for. */
function datasets(manifests: readonly Manifest[]): CardDataset[] {
  const found = new Map<string, { source: Manifest["sources"][number]; uses: Set<string> }>();
  for (const { sources, content } of manifests)
    for (const source of sources) {
      const known = found.get(source.name) ?? { source, uses: new Set() };
      known.uses.add(content);
      found.set(source.name, known);
    }
  return [...found.values()].map(({ source, uses }) => ({
    name: source.name,
    revision: source.revision,
    license: source.licence ?? "not stated",
    description: `read for ${[...uses].join(", ")}`,
    ...(source.bytes === undefined ? {} : { bytes: source.bytes }),
    ...(source.name.startsWith("hf:") ? { hubId: source.name.slice("hf:".length) } : {}),
  }));
}

/** Records of the npm corpora are made by template; those of the Hub are as their authors published them. */
function constructed(manifests: readonly Manifest[]): string[] {
  return manifests
    .filter(
      ({ content, sources }) =>
        content !== "documents" && sources.some(({ name }) => name.startsWith("npm:")),
    )
    .map((manifest) => {
      const count = sumTallies(manifest.files).records.toLocaleString("en-US");
      return `All ${count} ${manifest.content} were built by template from facts in the sources above.`;
    });
}
