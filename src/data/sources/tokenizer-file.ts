/** The tokenizer.json that a recipe names: a file of one's own, or that of a Hub repository at one commit. */
import { readFile, stat } from "node:fs/promises";
import { z } from "zod";
import { PipelineError, userError } from "../../errors.ts";
import { digestOf } from "../../std/digest.ts";
import { errorCode } from "../../std/error-code.ts";
import { collect } from "../../std/collect.ts";
import { maxTokenizerJsonBytes } from "../../tokenizer/tokenizer-json.ts";
import type { RetryPolicy } from "../../std/http/http-retry.ts";
import type { Environment } from "./hub-token.ts";
import { openHuggingFace } from "./huggingface.ts";
import { readWhole, type SourceEvents } from "./source.ts";

const file = "tokenizer.json";
const pinned = /^hf:(?<repository>[\w.-]+\/[\w.-]+)@(?<revision>[0-9a-f]{40})$/u;

export const tokenizerFileParams = z
  .strictObject({
    from: z
      .string()
      .min(1)
      .describe("Path of a tokenizer.json, or hf:OWNER/NAME@COMMIT for that of a Hub repository."),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/u, "64 lower-case hexadecimal digits")
      .optional()
      .describe("Digest of the file; needed for one of the Hub."),
    vocabSize: z
      .int()
      .positive()
      .optional()
      .describe("Entries that it must have: what `estimate` counts with before the file is read."),
    addSpecialTokens: z
      .boolean()
      .optional()
      .describe("Add the special tokens that it lacks, behind its own entries; else it is refused."),
  })
  .check(({ value: { from, sha256 }, issues }) => {
    if (!from.startsWith("hf:")) return;
    const refuse = (path: string, message: string) =>
      issues.push({ code: "custom", input: from, path: [path], message });
    const { repository, revision } = pinned.exec(from)?.groups ?? {};
    if (repository === undefined || revision === undefined)
      refuse("from", "a Hub repository is pinned to a commit: hf:OWNER/NAME@ and 40 hexadecimal digits");
    else if (sha256 === undefined)
      refuse(
        "from",
        `its file is pinned by sha256 beside it: curl -L https://huggingface.co/${repository}/resolve/${revision}/${file} | sha256sum`,
      );
  });

export type TokenizerFileParams = z.output<typeof tokenizerFileParams>;

export interface TokenizerFileOptions extends SourceEvents {
  readonly environment?: Environment | undefined;
  readonly retry?: RetryPolicy | undefined;
}

/** The path that `from` is, or undefined where it is a place on the Hub. */
export const localTokenizerPath = (from: string): string | undefined =>
  pinned.test(from) ? undefined : from;

/**
 * Text of the file. Throws DIGEST_MISMATCH for another one than was pinned, FILE_NOT_FOUND, TOKENIZER_TOO_LARGE, and
 * what the Hub's source throws.
 */
export async function readTokenizerFile(
  { from, sha256 }: TokenizerFileParams,
  options: TokenizerFileOptions,
): Promise<string> {
  const { repository, revision } = pinned.exec(from)?.groups ?? {};
  const bytes =
    repository === undefined || revision === undefined
      ? await readLocal(from)
      : await readHub(repository, revision, options);
  const found = digestOf(bytes);
  if (sha256 !== undefined && found !== sha256)
    throw new PipelineError({
      code: "DIGEST_MISMATCH",
      message: `${from}: expected a file of sha256 ${sha256}, but this one has ${found}.`,
      hint: "Correct tokenizer.sha256 in the recipe if this is the file that you mean.",
      kind: "user",
    });
  return new TextDecoder().decode(bytes);
}

async function readLocal(path: string): Promise<Uint8Array> {
  try {
    checkSize(path, (await stat(path)).size);
    return await readFile(path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT" && errorCode(error) !== "EISDIR") throw error;
    throw userError(
      "FILE_NOT_FOUND",
      `${path}: there is no such file.`,
      "Correct tokenizer.from in the recipe; a path is taken relative to where the pipeline runs.",
    );
  }
}

async function readHub(
  repository: string,
  revision: string,
  options: TokenizerFileOptions,
): Promise<Uint8Array> {
  const source = await openHuggingFace({ ...options, repository, revision }, "model");
  const [found] = await collect(source.files((path) => path === file));
  if (found === undefined)
    throw userError(
      "FILE_NOT_FOUND",
      `hf:${repository}@${revision} has no ${file}.`,
      "Name a repository that has one; other formats are not read.",
    );
  checkSize(`hf:${repository}/${file}`, found.size);
  return readWhole(found);
}

function checkSize(name: string, size: number): void {
  if (size > maxTokenizerJsonBytes)
    throw userError(
      "TOKENIZER_TOO_LARGE",
      `${name} has ${size} bytes, more than ${maxTokenizerJsonBytes}.`,
      "Name a tokenizer.json of less than that.",
    );
}
