/**
 * A tokenizer as an artifact: tokenizer.json as Hugging Face reads it, a report on what it makes of the corpus, and the
 * bytes of text that each token stands for (0 for special tokens): what bits per byte are counted with.
 */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PipelineError } from "../src/errors.ts";
import { artifact } from "../src/pipeline/index.ts";
import { createEncoder, type Encoder } from "../src/tokenizer/encoder.ts";
import { maxTokenizerJsonBytes, parseTokenizerJson } from "../src/tokenizer/tokenizer-json.ts";
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
      /** `json`: text of tokenizer.json, which the encoder was made of. */
      async save(json: string, { tokenByteCounts }: Encoder, report: TokenizerReport): Promise<void> {
        await writeFile(join(directory, tokenizerFile), json);
        const tokenBytes = { formatVersion: 1, bytes: [...tokenByteCounts] };
        await writeFile(join(directory, "token-bytes.json"), `${JSON.stringify(tokenBytes)}\n`);
        await writeFile(join(directory, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
      },
    }),
  validate: async (directory) => {
    await openTokenizer(directory);
  },
});

/** What is shown of it beside the artifact. */
export const summaryOf = ({ vocabSize, languages }: TokenizerReport): Record<string, number> => ({
  vocabSize,
  ...Object.fromEntries(
    Object.entries(languages).map(([language, { charactersPerToken }]) => [
      `charactersPerToken.${language}`,
      charactersPerToken,
    ]),
  ),
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
