/** A tokenizer as an artifact: tokenizer.json as Hugging Face reads it, and a report on what it makes of the corpus. */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PipelineError } from "../src/errors.ts";
import { artifact } from "../src/pipeline/index.ts";
import type { BpeModel } from "../src/tokenizer/bpe-model.ts";
import { createEncoder, type Encoder } from "../src/tokenizer/encoder.ts";
import {
  formatTokenizerJson,
  maxTokenizerJsonBytes,
  parseTokenizerJson,
} from "../src/tokenizer/tokenizer-json.ts";
import type { TokenizerReport } from "../src/tokenizer/tokenizer-report.ts";

export const tokenizerFile = "tokenizer.json";

export interface TokenizerValue {
  /** Text of tokenizer.json. */
  readonly json: string;
  /** sha256 of tokenizer.json, hex: what shards are stamped with. */
  readonly digest: string;
  readonly vocabSize: number;
  createEncoder(): Encoder;
}

export const TokenizerArtifact = artifact({
  kind: "tokenizer",
  formatVersion: 1,
  open: openTokenizer,
  create: (directory) =>
    Promise.resolve({
      async save(model: BpeModel, report: TokenizerReport): Promise<void> {
        await writeFile(join(directory, tokenizerFile), formatTokenizerJson(model));
        await writeFile(join(directory, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
      },
    }),
  validate: async (directory) => {
    await openTokenizer(directory);
  },
});

/** Throws `TOKENIZER_UNSUPPORTED`, `TOKENIZER_TOO_LARGE`. */
export async function openTokenizer(directory: string): Promise<TokenizerValue> {
  const path = join(directory, tokenizerFile);
  const bytes = await readFile(path);
  if (bytes.length > maxTokenizerJsonBytes)
    throw new PipelineError({ code: "TOKENIZER_TOO_LARGE", message: `${path} has ${bytes.length} bytes` });
  const json = bytes.toString("utf8");
  const model = parseTokenizerJson(json);
  return {
    json,
    digest: createHash("sha256").update(bytes).digest("hex"),
    vocabSize: model.tokens.length,
    createEncoder: () => createEncoder(model),
  };
}
