/**
 * Fetches and samples everything that a recipe names and writes four datasets: a corpus with a held-out part,
 * conversations, preference pairs and questions, each with its manifest. The work of the stage `download-sample`,
 * without the runner.
 */
import { rm } from "node:fs/promises";
import { PipelineError } from "../../errors.ts";
import type { SourceRecord } from "../documents/manifest.ts";
import type { RetryPolicy } from "../sources/http-retry.ts";
import type { DownloadProgress } from "../sources/source.ts";
import { sampleHuggingFace } from "./sample-huggingface.ts";
import { sampleLocal } from "./sample-local.ts";
import { sampleNpmDefault } from "./sample-npm-default.ts";
import { SampleOutputs, type SampleDirectories, type SampleManifests } from "./sample-outputs.ts";
import type { DownloadSampleParams } from "./sample-params.ts";

export type SampleProgress =
  | ({ readonly phase: "download" } & DownloadProgress)
  /** Documents read so far from one source; a stream that is sampled is read twice. */
  | { readonly phase: "read"; readonly name: string; readonly documents: number };

export interface DownloadSampleOptions {
  /** Verified downloads; shared by runs and processes. */
  readonly cacheDir: string;
  readonly outputs: SampleDirectories;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: SampleProgress) => void) | undefined;
  /** Retries, fallbacks: what belongs in the log. */
  readonly onNotice?: ((message: string) => void) | undefined;
  readonly retry?: RetryPolicy | undefined;
}

/**
 * The same params and sources give the same bytes. Throws EMPTY_CORPUS where no document was left, SHORTFALL where the
 * recipe says so, and what the sources throw. What an interrupted call left in the four folders is replaced.
 */
export async function downloadSample(
  params: DownloadSampleParams,
  options: DownloadSampleOptions,
): Promise<SampleManifests> {
  for (const directory of Object.values(options.outputs) as string[]) {
    await rm(directory, { recursive: true, force: true });
  }
  const outputs = await SampleOutputs.create(options.outputs, params.heldOutFraction, params.onShortfall);
  try {
    const records: SourceRecord[] = [];
    for (const source of params.sources)
      records.push(...(await sample(source, params.seed, outputs, options)));
    const manifests = await outputs.finish(params.seed, records);
    refuseEmpty(manifests);
    return manifests;
  } catch (error) {
    outputs.abandon();
    throw error;
  }
}

async function sample(
  source: DownloadSampleParams["sources"][number],
  seed: number,
  outputs: SampleOutputs,
  { cacheDir, signal, onNotice, onProgress, retry }: DownloadSampleOptions,
): Promise<SourceRecord[]> {
  const events = {
    cacheDirectory: cacheDir,
    signal,
    onNotice,
    retry,
    onProgress: (progress: DownloadProgress) => onProgress?.({ phase: "download", ...progress }),
    onDocuments: (documents: number) => onProgress?.({ phase: "read", name: nameOf(source), documents }),
  };
  switch (source.kind) {
    case "npm-default":
      return sampleNpmDefault(source, seed, outputs, events);
    case "local":
      return sampleLocal(source, seed, outputs, events);
    case "huggingface":
      return sampleHuggingFace(source, seed, outputs, events);
  }
}

function nameOf(source: DownloadSampleParams["sources"][number]): string {
  switch (source.kind) {
    case "npm-default":
      return "npm packages";
    case "local":
      return source.path;
    case "huggingface":
      return source.repository;
  }
}

function refuseEmpty({ corpus }: SampleManifests): void {
  const train = corpus.files.find((file) => file.path === "train.jsonl");
  if (train && train.records > 0) return;
  throw new PipelineError({
    code: "EMPTY_CORPUS",
    message: "No document is left to train on.",
    hint: "Check the quotas and weights of the recipe's sources.",
    kind: "user",
  });
}
