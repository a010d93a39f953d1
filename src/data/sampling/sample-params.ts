/** The params of a sample: which sources, how much of each language and category, how many records of each other kind. */
import { z } from "zod";
import { languageSchema } from "../documents/record-schemas.ts";
import { filterParams } from "./filters/filter-params.ts";
import { QUALITIES } from "../adapters/industry-corpus.ts";

const characters = z.int().nonnegative();
const perLanguage = z
  .strictObject({
    en: characters.describe("Characters of English text."),
    zh: characters.describe("Characters of Chinese text."),
  })
  .describe("Quota per language, in characters (UTF-16 units), held-out text included.");
const weights = z
  .record(z.string(), z.number().nonnegative())
  .describe(
    "Share of each category in its language's quota; only the ratio counts, 0 leaves it out. Categories not named get nothing.",
  );
const records = z.int().nonnegative();

const limits = z
  .record(z.string(), z.strictObject({ min: z.number().optional(), max: z.number().optional() }))
  .describe("By column, the least and the greatest value that is kept.");

const npmDefault = z
  .strictObject({
    kind: z.literal("npm-default"),
    characters: perLanguage,
    weights: z
      .strictObject({ en: weights, zh: weights })
      .describe("en: speech, novel, dictionary; zh: poetry, classics, technical, dictionary, saying."),
    conversations: records.describe("Conversations built by template from facts of these corpora."),
    preferences: records.describe("Preference pairs built likewise: the true answer against a near miss."),
    questions: records.describe("Multiple-choice questions about facts that no training text gives away."),
    reservedFraction: z
      .number()
      .min(0)
      .max(0.5)
      .describe("Share of keys (words, countries, lines, fields) kept for questions."),
  })
  .describe("Real English and Chinese text out of pinned npm packages (34 MB).");

/** How texts are taken out of files whose layout says nothing of them. */
const texts = z.object({
  field: z
    .string()
    .min(1)
    .default("text")
    .describe("Where the text is in lines of .jsonl and rows of .parquet."),
  language: languageSchema.describe("What its text is written in."),
  category: z.string().min(1).describe("Name of its stratum, e.g. notes."),
  characters: characters.describe("How much of it to sample; more than it has means all."),
});

const local = z
  .strictObject({
    kind: z.literal("local"),
    path: z
      .string()
      .min(1)
      .describe(
        "File or folder of .txt, .md, .jsonl (also as .gz or .zst) or .parquet; relative to where the pipeline runs.",
      ),
    ...texts.shape,
  })
  .describe("Your own text.");

const http = z
  .strictObject({
    kind: z.literal("http"),
    url: z
      .url({ protocol: /^https?$/u })
      .describe("Address of a .txt, .md, .jsonl (also as .gz or .zst) or .parquet file."),
    ...texts.shape,
  })
  .describe("A file on a web server.");

/** Datasets in the repositories of one hub: the layouts are the same wherever they lie. */
const repositories = <K extends string>(kind: K, hub: string) => {
  const at = {
    kind: z.literal(kind),
    repository: z
      .string()
      .regex(/^[\w.-]+\/[\w.-]+$/u)
      .describe(`owner/name on ${hub}.`),
    revision: z
      .string()
      .min(1)
      .describe("Commit; a branch or tag is resolved to its commit, which the manifest records."),
  };
  return z.discriminatedUnion("dataset", [
    z.strictObject({
      ...at,
      dataset: z
        .literal("texts")
        .describe(
          "Any files of text: .txt, .md, .jsonl (also as .gz or .zst) or .parquet; all of them are read.",
        ),
      files: z.string().min(1).describe("Beginning of the path of the files to read, e.g. data/."),
      ...texts.shape,
    }),
    z.strictObject({
      ...at,
      dataset: z.literal("industry-corpus-2").describe("Layout of BAAI/IndustryCorpus2."),
      characters: perLanguage,
      weights: weights.describe(
        "Share of each category folder, e.g. news_media; the same in both languages.",
      ),
      qualities: z
        .array(z.enum(QUALITIES))
        .min(1)
        .describe(
          "Quality levels in order of preference: where the first is used up, the next fills the quota.",
        ),
      redistribute: z
        .boolean()
        .default(true)
        .describe("Whether the other categories fill in for one that is used up at every quality."),
      rowShare: z
        .number()
        .min(0.001)
        .max(1)
        .default(1)
        .describe(
          "Share of a row group's rows that is taken at a time: less spreads the sample over more groups, and fetches more.",
        ),
      columns: z
        .strictObject({ en: limits.default({}), zh: limits.default({}) })
        .prefault({})
        .describe(
          "Limits on the dataset's own measures, e.g. zh: { flagged_words_ratio: { max: 0.01 } }. English files lack flagged_words_ratio, perplexity and word_rep_ratio.",
        ),
    }),
    z.strictObject({
      ...at,
      dataset: z.literal("smol-smoltalk").describe("Layout of HuggingFaceTB/smol-smoltalk."),
      files: z.string().min(1).describe("Beginning of the path of the files to read, e.g. data/train-."),
      conversations: records.describe("How many conversations to draw."),
    }),
    z.strictObject({
      ...at,
      dataset: z.literal("deepctrl").describe("Layout of deepctrl/deepctrl-sft-data."),
      files: z.string().min(1).describe("Beginning of the path of the files to read, e.g. sft_data_zh."),
      language: languageSchema.describe("What its conversations are in."),
      conversations: records.describe("How many conversations to draw."),
    }),
    z.strictObject({
      ...at,
      dataset: z
        .literal("ultrafeedback")
        .describe(
          "Layout of openbmb/UltraFeedback: the best answer is chosen, one of the worse is rejected.",
        ),
      files: z.string().min(1).describe("Beginning of the path of the files to read, e.g. evol_instruct."),
      preferences: records.describe("How many preference pairs to draw."),
    }),
    z.strictObject({
      ...at,
      dataset: z
        .literal("ultrafeedback-binarized")
        .describe("Layout of HuggingFaceH4/ultrafeedback_binarized."),
      files: z
        .string()
        .min(1)
        .describe("Beginning of the path of the files to read, e.g. data/train_prefs-."),
      preferences: records.describe("How many preference pairs to draw."),
    }),
  ]);
};

const huggingface = repositories("huggingface", "the Hugging Face Hub");
const modelscope = repositories("modelscope", "ModelScope");

export const downloadSampleParams = z.strictObject({
  seed: z.int().describe("Decides every draw; the same seed on the same sources gives the same bytes."),
  heldOutFraction: z
    .number()
    .min(0)
    .max(0.5)
    .describe("Share of documents, by content hash, that is never trained on."),
  onShortfall: z
    .enum(["report", "fail"])
    .describe("What to do where the sources hold less than was asked: note it in the manifest, or fail."),
  filters: filterParams.default({}),
  sources: z
    .array(z.discriminatedUnion("kind", [npmDefault, local, http, huggingface, modelscope]))
    .min(1)
    .describe("Where text and records come from; each gives its own quota."),
});

export type DownloadSampleParams = z.infer<typeof downloadSampleParams>;
type SourceParams = DownloadSampleParams["sources"][number];
export type NpmDefaultParams = Extract<SourceParams, { kind: "npm-default" }>;
export type TextsParams = z.infer<typeof texts> & {
  /** Beginning of the path of the files to read; all where it is undefined. */
  readonly files?: string | undefined;
};
export type RepositoryParams = Extract<SourceParams, { kind: "huggingface" | "modelscope" }>;
export type IndustryParams = Extract<SourceParams, { dataset: "industry-corpus-2" }>;
export type SmoltalkParams = Extract<SourceParams, { dataset: "smol-smoltalk" }>;
export type UltrafeedbackParams = Extract<SourceParams, { dataset: "ultrafeedback-binarized" }>;
