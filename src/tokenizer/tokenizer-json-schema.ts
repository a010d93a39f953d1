/**
 * What a tokenizer.json may say for the encoder here to give its ids, section by section, so that all that differs can
 * be told at once. A section that is left out of a file has Hugging Face's default.
 */
import { z } from "zod";

const off = z.union([z.null(), z.literal("")]).optional();

const ByteLevel = z.object({
  type: z.literal("ByteLevel"),
  add_prefix_space: z.literal(false),
  use_regex: z.boolean().default(true),
});
const Digits = z.object({ type: z.literal("Digits"), individual_digits: z.literal(true) });
const Split = z.object({
  type: z.literal("Split"),
  pattern: z.object({ Regex: z.string() }),
  behavior: z.literal("Isolated"),
  invert: z.literal(false),
});
const PreTokenizerStep = z.discriminatedUnion("type", [ByteLevel, Digits, Split]);
export type PreTokenizerStep = z.infer<typeof PreTokenizerStep>;

const Merge = z.union([
  z.tuple([z.string(), z.string()]),
  // Before version 0.20 a merge was one string; neither half can hold a space.
  z.stringFormat("merge", /^[^ ]+ [^ ]+$/).transform((merge) => merge.split(" ") as [string, string]),
]);

const AddedTokens = z.array(
  z.object({
    id: z.int().nonnegative(),
    content: z.string().min(1),
    single_word: z.literal(false),
    lstrip: z.literal(false),
    rstrip: z.literal(false),
    normalized: z.boolean().default(true),
    special: z.boolean(),
  }),
);
export type AddedTokens = z.infer<typeof AddedTokens>;

const Model = z.object({
  type: z.literal("BPE"),
  dropout: z.union([z.null(), z.literal(0)]).optional(),
  unk_token: z.string().nullish(), // never used where all bytes are tokens, which is checked
  continuing_subword_prefix: off,
  end_of_word_suffix: off,
  byte_fallback: z.literal(false).default(false),
  ignore_merges: z.literal(false).default(false),
  vocab: z.record(z.string(), z.int().nonnegative()),
  merges: z.array(Merge),
});
export type BpeSection = Pick<z.infer<typeof Model>, "vocab" | "merges">;

/** By key of the file. */
export const sections = {
  version: z.literal("1.0"),
  truncation: z.null().optional(),
  padding: z.null().optional(),
  added_tokens: AddedTokens.default([]),
  normalizer: z.union([z.null(), z.object({ type: z.literal("NFC") })]).optional(),
  pre_tokenizer: z.discriminatedUnion("type", [
    ByteLevel,
    z.object({ type: z.literal("Sequence"), pretokenizers: z.array(PreTokenizerStep).max(8) }),
  ]),
  // A ByteLevel post-processor moves offsets only, no tokens.
  post_processor: z.union([z.null(), z.object({ type: z.literal("ByteLevel") })]).optional(),
  decoder: z.object({ type: z.literal("ByteLevel") }),
  model: Model,
};

type Section = keyof typeof sections;
export type Sections = { readonly [S in Section]?: z.output<(typeof sections)[S]> };

/** What is understood in place of a section that differs as a whole; of others the schema's message tells more. */
const understood: Partial<Record<Section, string>> = {
  version: '"1.0"',
  truncation: "null",
  padding: "null",
  normalizer: "null or NFC",
  pre_tokenizer: "[Digits], [Split], ByteLevel",
  post_processor: "null or ByteLevel",
  decoder: "ByteLevel",
};

/** The sections that are understood, and what is to be said of each other one. */
export function readSections(json: Readonly<Record<string, unknown>>): {
  readonly read: Sections;
  readonly differences: readonly string[];
} {
  const read: Record<string, unknown> = {};
  const differences: string[] = [];
  for (const section of Object.keys(sections) as Section[]) {
    const parsed = sections[section].safeParse(json[section]);
    if (parsed.success) read[section] = parsed.data;
    else differences.push(...differencesOf(section, json[section], parsed.error));
  }
  return { read, differences };
}

function differencesOf(section: Section, value: unknown, { issues }: z.ZodError): string[] {
  const type = typeName(value);
  if (section === "model" && type !== "BPE") return [`model.type is ${type}, not BPE`];
  const known = understood[section];
  const deeper = issues.filter(({ path }) => path.length > 0 && path.at(-1) !== "type");
  if (known !== undefined && deeper.length === 0) return [`${section} is ${type}, not ${known}`];
  const listed = (deeper.length > 0 ? deeper : issues).slice(0, 8);
  const reasons = listed.map(({ path, message }) => `${[section, ...path].join(".")}: ${message}`);
  const left = issues.length - listed.length;
  return left > 0 ? [...reasons, `${section}: and ${left} more`] : reasons;
}

/** A section's type; of a sequence, those of its steps. */
function typeName(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const { type, pretokenizers, normalizers } = value as Readonly<Record<string, unknown>>;
  const steps = pretokenizers ?? normalizers;
  if (Array.isArray(steps)) return `[${steps.map(typeName).join(", ")}]`;
  return typeof type === "string" ? type : "without a type";
}
