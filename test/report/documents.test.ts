import { parse } from "yaml";
import { expect, test } from "vitest";
import { escapeMarkup, fencedBlock, markdownTable } from "../../src/report/markup.ts";
import { modelCard, type ModelCardInput } from "../../src/report/model-card.ts";
import { samplesPage, type Sample } from "../../src/report/samples-page.ts";
import { scoresTable, type Score } from "../../src/report/scores-page.ts";

const scores: readonly Score[] = [
  {
    task: "held-out text",
    language: "zh",
    metric: "bitsPerByte",
    checkpoint: "base",
    value: 1.23456,
    better: "lower",
    items: 1200,
    baseline: { label: "unigram", value: 2.5 },
  },
  {
    task: "held-out text",
    language: "zh",
    metric: "bitsPerByte",
    checkpoint: "DPO",
    value: 1.3,
    better: "lower",
  },
  { task: "capitals", metric: "accuracy", checkpoint: "DPO", value: 0.5, better: "higher" },
];

const samples: readonly Sample[] = [
  {
    checkpoint: "DPO",
    language: "en",
    prompt: "The sea",
    text: "is ```deep```",
    settings: { temperature: 0.8, seed: 1 },
  },
  { checkpoint: "DPO", language: "zh", prompt: "春风", text: "又绿江南岸", settings: {} },
];

const card: ModelCardInput = {
  name: "minilm-tiny",
  summary: "A small model.",
  license: "apache-2.0",
  languages: ["en", "zh"],
  parameters: 1_245_312,
  architecture: { hiddenSize: 128, rmsNormEps: 1e-5, tieWordEmbeddings: true },
  datasets: [
    {
      name: "poems",
      revision: "2.0.1",
      license: "MIT",
      description: "songci | yuanqu",
      documents: 21_053,
      bytes: 4_300_000,
    },
  ],
  training: [
    {
      stage: "pretraining",
      steps: 1200,
      tokens: 9_830_400,
      learningRate: 0.002,
      firstLoss: 9.0123,
      finalLoss: 3.16,
      engine: "tensorflow 2.21.0, cpu",
    },
  ],
  scores,
  samples,
  constructed: ["Conversations: from dictionary entries."],
  limits: ["It knows no facts."],
};

test("scores of several checkpoints share a row; a missing one leaves its cell empty", () => {
  expect(scoresTable(scores)).toBe(
    [
      "| Task | Language | Metric | base | DPO | Baseline | Items |",
      "| --- | --- | --- | ---: | ---: | ---: | ---: |",
      "| held-out text | zh | bitsPerByte ↓ | 1.235 | 1.300 | 2.500 (unigram) | 1,200 |",
      "| capitals | both | accuracy ↑ |  | 0.500 |  |  |",
    ].join("\n"),
  );
});

test("samples stand under their model and language, and cannot break out of their block", () => {
  const page = samplesPage("Samples", samples);
  expect(page).toContain("## DPO, English");
  expect(page).toContain("## DPO, Chinese");
  expect(page).toContain("````text\nis ```deep```\n````");
  expect(page).toContain("Model (temperature 0.8, seed 1):");
  expect(page).toContain("Model (greedy):\n\n```text\n又绿江南岸\n```");
});

test("the front matter of the model card is YAML with what the Hub asks for", () => {
  const [, yaml = ""] = /^---\n([\s\S]*?)---\n/.exec(modelCard(card)) ?? [];
  expect(parse(yaml)).toEqual({
    language: ["en", "zh"],
    license: "apache-2.0",
    library_name: "transformers",
    pipeline_tag: "text-generation",
    tags: ["llama", "conversational", "trained-from-scratch"],
  });
});

test("data sets of the Hub are named in the front matter", () => {
  const [first] = card.datasets;
  if (first === undefined) throw new Error("the card has a data set");
  const text = modelCard({ ...card, datasets: [{ ...first, hubId: "HuggingFaceTB/smol-smoltalk" }] });
  expect(text).toContain("datasets:\n  - HuggingFaceTB/smol-smoltalk\n");
});

test("the model card states every figure it was given", () => {
  const text = modelCard(card);
  for (const expected of [
    "| parameters | 1,245,312 |",
    "| rmsNormEps | 1e-5 |",
    "| languages | English, Chinese |",
    "| poems | 2.0.1 | MIT | 21,053 documents, 4.3 MB | songci \\| yuanqu |",
    "| pretraining | 1,200 | 9,830,400 | 0.002 | 9.012 | 3.160 | tensorflow 2.21.0, cpu |",
    "**Constructed by template, not written by people:**\n\n- Conversations: from dictionary entries.",
    "## Limits\n\n- It knows no facts.",
    scoresTable(scores),
  ])
    expect(text).toContain(expected);
  expect(text.endsWith("\n")).toBe(true);
});

test("a card without scores and samples has no empty chapters", () => {
  const text = modelCard({ ...card, scores: [], samples: [], constructed: [] });
  expect(text).not.toMatch(/## Scores|## Samples|Constructed/);
});

test("markup is escaped, and characters that XML forbids are replaced", () => {
  expect(escapeMarkup(`<a href="x">'&'</a>`)).toBe("&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
  expect(escapeMarkup("a\u0000b\uD800c 中文 😀")).toBe("a\uFFFDb\uFFFDc 中文 😀");
});

test("a table cell cannot start a new cell or line", () => {
  expect(markdownTable([{ title: "a" }], [["x | y\nz"]])).toBe("| a |\n| --- |\n| x \\| y z |");
});

test("a fence is longer than any run of backticks inside", () => {
  expect(fencedBlock("plain", "sh")).toBe("```sh\nplain\n```");
  expect(fencedBlock("`````")).toBe("``````text\n`````\n``````");
});
