/**
 * Fetches and samples everything that a recipe names and writes four datasets: a corpus with a held-out part,
 * conversations, preference pairs and questions, each with its manifest. The work of the stage `download-sample`,
 * without the runner.
 */
import { join } from "node:path";
import { PipelineError } from "../../errors.ts";
import { digestOf } from "../../std/digest.ts";
import type { SourceRecord } from "../documents/manifest.ts";
import { openHttp } from "../sources/http.ts";
import type { RetryPolicy } from "../../std/http/http-retry.ts";
import { openLocal } from "../sources/local.ts";
import { RangeCache } from "../sources/range-cache.ts";
import type { DownloadProgress } from "../../std/http/download-events.ts";
import { loadCheckpoint, SampleCheckpoint, type SavedSample } from "./sample-checkpoint.ts";
import { npmDefaultSampler } from "./sample-npm-default.ts";
import { repositorySampler } from "./sample-repository.ts";
import { SampleOutputs, type SampleDirectories, type SampleManifests } from "./sample-outputs.ts";
import type { DownloadSampleParams } from "./sample-params.ts";
import { sampleTexts } from "./sample-texts.ts";
import type { SourceSampler } from "./source-sampler.ts";

export type SampleProgress =
  | ({ readonly phase: "download" } & DownloadProgress)
  /** Documents read so far from one source; a stream that is sampled is read twice. */
  | { readonly phase: "read"; readonly name: string; readonly documents: number };

export interface DownloadSampleOptions {
  /** Verified downloads; shared by runs and processes. */
  readonly cacheDir: string;
  /** This sample's own, while it is made: what an interrupted call left there is gone on from. */
  readonly workDirectory: string;
  readonly outputs: SampleDirectories;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: SampleProgress) => void) | undefined;
  /** Retries, fallbacks: what belongs in the log. */
  readonly onNotice?: ((message: string) => void) | undefined;
  /** A step is safely in the work directory. */
  readonly onCheckpoint?: ((step: number) => void) | undefined;
  readonly retry?: RetryPolicy | undefined;
}

/**
 * The same params and sources give the same bytes, interrupted or not. Throws EMPTY_CORPUS where no document was left,
 * SHORTFALL where the recipe says so, and what the sources throw. What was in the four folders is replaced.
 */
export async function downloadSample(
  params: DownloadSampleParams,
  options: DownloadSampleOptions,
): Promise<SampleManifests> {
  const { workDirectory: directory, onNotice, onCheckpoint } = options;
  const identity = digestOf(JSON.stringify(params));
  const { outputs, saved } = await openOutputs(directory, identity, params, onNotice);
  const checkpoint = new SampleCheckpoint({ directory, identity, outputs, saved, onCheckpoint });
  try {
    const samplers = params.sources.map((source) => samplerOf(source, params.seed, outputs, options));
    const sources = samplers.map(() => new Map<string, SourceRecord>());
    for (const part of ["records", "documents"] as const) {
      if (part === "documents") await outputs.decontaminate();
      for (const [index, sampler] of samplers.entries()) {
        const run = sampler[part];
        const task = checkpoint.task(`source ${index}: ${part}`);
        if (run && !task.done) await task.finish(await run(task));
        for (const source of task.sources) sources[index]?.set(source.name, source);
      }
    }
    const all = sources.flatMap((one) => [...one.values()]);
    const manifests = await outputs.finish(params.seed, all, options.outputs);
    refuseEmpty(manifests);
    return manifests;
  } catch (error) {
    await outputs.abandon();
    throw error;
  }
}

/** Where an earlier call was interrupted, or anew. */
async function openOutputs(
  directory: string,
  identity: string,
  params: DownloadSampleParams,
  onNotice: DownloadSampleOptions["onNotice"],
): Promise<{ outputs: SampleOutputs; saved: SavedSample | undefined }> {
  const saved = await loadCheckpoint(directory, identity);
  if (saved) {
    try {
      const outputs = await SampleOutputs.create(directory, params, saved.outputs);
      onNotice?.(`going on from step ${saved.step} of an interrupted sample`);
      return { outputs, saved };
    } catch (error) {
      if (!(error instanceof PipelineError) || error.code !== "SAMPLE_DAMAGED") throw error;
      onNotice?.(`${error.message} The sample begins anew.`);
    }
  }
  return { outputs: await SampleOutputs.create(directory, params), saved: undefined };
}

function samplerOf(
  source: DownloadSampleParams["sources"][number],
  seed: number,
  outputs: SampleOutputs,
  { cacheDir, signal, onNotice, onProgress, retry }: DownloadSampleOptions,
): SourceSampler {
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
      return npmDefaultSampler(source, seed, outputs, events);
    case "local":
      return {
        documents: async () => sampleTexts(source, await openLocal(source.path), seed, outputs, events),
      };
    case "http":
      return {
        documents: async (task) => {
          const ranges = await RangeCache.open(join(cacheDir, "ranges"), { onNotice });
          const file = await openHttp({ ...events, url: source.url, ranges });
          const read = await sampleTexts(source, file, seed, outputs, events);
          for (const { revision } of read)
            await task.pin(`http:${digestOf(source.url)}`, revision, file.name);
          return read;
        },
      };
    case "huggingface":
    case "modelscope":
      return repositorySampler(source, seed, outputs, events);
  }
}

function nameOf(source: DownloadSampleParams["sources"][number]): string {
  switch (source.kind) {
    case "npm-default":
      return "npm packages";
    case "local":
      return source.path;
    case "http":
      return new URL(source.url).pathname;
    case "huggingface":
    case "modelscope":
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
