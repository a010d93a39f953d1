/**
 * The README.md of an exported model folder, as the Hugging Face Hub reads it: YAML front matter and a page.
 * Every figure comes from the run. Source: https://huggingface.co/docs/hub/model-cards.
 */
import { stringify } from "yaml";
import { markdownTable } from "./markup.ts";
import { formatBytes, formatCompact, formatCount, formatFigure } from "./quantity.ts";
import { languageName, samplesSection, type Sample } from "./samples-page.ts";
import { scoresTable, type Score } from "./scores-page.ts";

export interface ModelCardInput {
  /** The model's name, e.g. `minilm-tiny`. */
  readonly name: string;
  /** One or two sentences: what it is and where it comes from. */
  readonly summary: string;
  /** SPDX id in lower case, as the Hub writes it, e.g. `apache-2.0`. */
  readonly license: string;
  /** BCP 47. */
  readonly languages: readonly string[];
  /** Trainable parameters, the tied embedding counted once. */
  readonly parameters: number;
  /** E.g. `{hiddenSize: 128, numLayers: 4}`. */
  readonly architecture: Readonly<Record<string, string | number | boolean>>;
  readonly datasets: readonly CardDataset[];
  readonly training: readonly CardTraining[];
  readonly scores: readonly Score[];
  readonly samples: readonly Sample[];
  /** What of the data was constructed by template, not written by people; a sentence each, may be empty. */
  readonly constructed: readonly string[];
  /** What the model cannot do; a sentence each. */
  readonly limits: readonly string[];
}

export interface CardDataset {
  readonly name: string;
  /** The pinned version or revision. */
  readonly revision: string;
  readonly license: string;
  /** What is in it and what it was used for. */
  readonly description: string;
  /** Set for data sets of the Hub: the id goes into the front matter. */
  readonly hubId?: string;
  readonly documents?: number;
  readonly tokens?: number;
  readonly bytes?: number;
}

export interface CardTraining {
  /** E.g. `pretraining`, `SFT`, `DPO`. */
  readonly stage: string;
  readonly steps: number;
  /** Tokens, or pairs of them, that training saw. */
  readonly tokens: number;
  readonly learningRate: number;
  /** In nats. */
  readonly firstLoss: number;
  readonly finalLoss: number;
  /** E.g. `tensorflow 2.21.0, cpu`. */
  readonly engine: string;
}

/** Returns Markdown that ends with a newline. */
export function modelCard(input: ModelCardInput): string {
  const chapters = [
    `# ${input.name}`,
    input.summary,
    `## Use\n\n${usage}`,
    `## Model\n\n${architectureTable(input)}`,
    `## Data\n\n${datasetsTable(input.datasets)}${constructedNote(input.constructed)}`,
    `## Training\n\n${trainingTable(input.training)}`,
    ...(input.scores.length === 0
      ? []
      : [`## Scores\n\n${scoresTable(input.scores)}\n\n↓ lower is better, ↑ higher is better.`]),
    ...(input.samples.length === 0
      ? []
      : [`## Samples\n\nWord for word, neither chosen nor edited.\n\n${samplesSection(input.samples, 3)}`]),
    `## Limits\n\n${input.limits.map((limit) => `- ${limit}`).join("\n")}`,
  ];
  return `---\n${frontMatter(input)}---\n\n${chapters.join("\n\n")}\n`;
}

function frontMatter({ languages, license, datasets }: ModelCardInput): string {
  const hubIds = datasets.flatMap(({ hubId }) => (hubId === undefined ? [] : [hubId]));
  return stringify({
    language: languages,
    license,
    library_name: "transformers",
    pipeline_tag: "text-generation",
    tags: ["llama", "conversational", "trained-from-scratch"],
    ...(hubIds.length === 0 ? {} : { datasets: hubIds }),
  });
}

const usage = `\`\`\`python
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = "."  # this folder
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder)
messages = [{"role": "user", "content": "What is the capital of France?"}]
inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
print(tokenizer.decode(model.generate(**inputs, max_new_tokens=64)[0]))
\`\`\``;

function architectureTable({ parameters, languages, architecture }: ModelCardInput): string {
  const rows = Object.entries(architecture).map(([name, value]) => [
    name,
    typeof value === "number" ? formatFigure(value) : String(value),
  ]);
  return markdownTable(
    [{ title: "Property" }, { title: "Value", align: "right" }],
    [
      ["architecture", "LlamaForCausalLM"],
      ["parameters", formatCount(parameters)],
      ["languages", languages.map(languageName).join(", ")],
      ...rows,
    ],
  );
}

function datasetsTable(datasets: readonly CardDataset[]): string {
  return markdownTable(
    [{ title: "Source" }, { title: "Revision" }, { title: "Licence" }, { title: "Size" }, { title: "What" }],
    datasets.map(({ name, revision, license, description, documents, tokens, bytes }) => [
      name,
      revision,
      license,
      [
        ...(documents === undefined ? [] : [`${formatCount(documents)} documents`]),
        ...(tokens === undefined ? [] : [`${formatCompact(tokens)} tokens`]),
        ...(bytes === undefined ? [] : [formatBytes(bytes)]),
      ].join(", "),
      description,
    ]),
  );
}

function constructedNote(constructed: readonly string[]): string {
  if (constructed.length === 0) return "";
  return `\n\n**Constructed by template, not written by people:**\n\n${constructed.map((line) => `- ${line}`).join("\n")}`;
}

function trainingTable(training: readonly CardTraining[]): string {
  const right = (title: string) => ({ title, align: "right" as const });
  return markdownTable(
    [
      { title: "Stage" },
      ...["Steps", "Tokens", "Learning rate", "First loss", "Final loss"].map(right),
      { title: "Engine" },
    ],
    training.map((row) => [
      row.stage,
      formatCount(row.steps),
      formatCount(row.tokens),
      formatFigure(row.learningRate),
      row.firstLoss.toFixed(3),
      row.finalLoss.toFixed(3),
      row.engine,
    ]),
  );
}
