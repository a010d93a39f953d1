/**
 * Preference training by DPO. The initial weights are the reference: its log-probabilities of every answer are
 * computed once, before the first step, and kept beside the checkpoints.
 */
import { existsSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { PairBatch, PairBatchSource } from "../data/batch.ts";
import type { CallEach } from "../engine/call-each.ts";
import { PipelineError } from "../errors.ts";
import { openSafetensors, writeSafetensors } from "../model/safetensors.ts";
import type { JsonObject } from "../std/json.ts";
import { take } from "../std/take.ts";
import { float32, type HostTensor } from "../tensor/types.ts";
import { dpoProgram, type DpoProgramOptions } from "./dpo-program.ts";
import { sequenceValues } from "./train-language-model.ts";
import { runTraining, type TrainedModel } from "./run-training.ts";
import type { TrainLoopOptions } from "./training-options.ts";

export interface TrainPreferencesOptions extends TrainLoopOptions {
  readonly program: DpoProgramOptions;
  /** Batches of microBatchSize pairs of sequenceLength tokens. */
  readonly source: PairBatchSource;
  /** The same pairs once more, in any order, for the reference; its cursor is not kept. */
  readonly referenceSource: PairBatchSource;
  /** How many pairs there are: `indices` of batches are below it. */
  readonly pairCount: number;
}

/** Σ log p of each answer under the reference, by index of the pair. */
export interface ReferenceLogProbabilities {
  readonly chosen: Float32Array;
  readonly rejected: Float32Array;
}

/** See `runTraining` for what it throws; `PAIRS_INCOMPLETE` too. The caller disposes of the result. */
export const trainPreferences = ({
  program,
  source,
  referenceSource,
  pairCount,
  ...options
}: TrainPreferencesOptions): Promise<TrainedModel> =>
  runTraining("preferences", dpoProgram(program), options, async (functions, identity) => {
    const kept = { directory: options.checkpoints?.directory, identity, pairCount };
    const reference = await keptReference(kept, () =>
      referenceLogProbabilities(functions, referenceSource, pairCount),
    );
    return {
      async next() {
        const batch = await source.next();
        return {
          feeds: pairValues(batch, reference),
          tokens: 2 * batch.chosen.inputs.length,
          origins: batch.origins,
        };
      },
      cursor: () => source.cursor(),
      seek: (cursor) => {
        source.seek(cursor);
      },
    };
  });

/**
 * Asks `source` for batches until it has seen every pair; a batch for each device at a time. Throws `PAIRS_INCOMPLETE`
 * where a pair does not come within three times as many batches as all of them need.
 */
export async function referenceLogProbabilities(
  { devices, callEach }: CallEach,
  source: PairBatchSource,
  pairCount: number,
): Promise<ReferenceLogProbabilities> {
  const reference = { chosen: new Float32Array(pairCount), rejected: new Float32Array(pairCount) };
  const news = unseenBatches(source, pairCount);
  for (let batches = await take(news, devices); batches.length > 0; batches = await take(news, devices))
    for (const side of ["chosen", "rejected"] as const) {
      const feeds = batches.map((batch) => sequenceValues(batch[side]));
      const fetches = await callEach("sequenceLogProbabilities", feeds);
      for (const [place, { indices }] of batches.entries())
        indices.forEach((index, row) => {
          reference[side][index] = fetches[place]?.["logProbabilities"]?.data[row] ?? NaN;
        });
    }
  return reference;
}

/** Those with a pair that did not come before, until every pair has come. */
async function* unseenBatches(source: PairBatchSource, pairCount: number): AsyncGenerator<PairBatch> {
  const seen = new Set<number>();
  for (let read = 0; seen.size < pairCount;) {
    if (read >= 3 * pairCount + 3)
      throw new PipelineError({
        code: "PAIRS_INCOMPLETE",
        message: `only ${seen.size} of ${pairCount} preference pairs came in ${read} draws`,
        hint: "pairCount must be the number of pairs in the data.",
      });
    const batch = await source.next();
    read += batch.batchSize;
    if (batch.indices.every((index) => seen.has(index))) continue;
    for (const index of batch.indices) seen.add(index);
    yield batch;
  }
}

interface KeptReference {
  readonly directory: string | undefined;
  readonly identity: JsonObject;
  readonly pairCount: number;
}

/** Reads what an interrupted run of this identity has computed already, else computes and keeps it. */
async function keptReference(
  { directory, identity, pairCount }: KeptReference,
  compute: () => Promise<ReferenceLogProbabilities>,
): Promise<ReferenceLogProbabilities> {
  if (directory === undefined) return compute();
  const path = join(directory, "reference-log-probabilities.safetensors");
  const metadata = { identity: JSON.stringify(identity), pairCount: String(pairCount) };
  const kept = existsSync(path) ? await readReference(path, metadata) : undefined;
  if (kept !== undefined) return kept;
  const reference = await compute();
  await mkdir(directory, { recursive: true });
  const entry = (name: string) => ({ name, dtype: "float32" as const, shape: [pairCount] });
  await writeSafetensors(
    `${path}.partial`,
    [entry("chosen"), entry("rejected")],
    (name) =>
      Promise.resolve(float32([pairCount], name === "chosen" ? reference.chosen : reference.rejected)),
    metadata,
  );
  await rename(`${path}.partial`, path);
  return reference;
}

/** Undefined where the file was made for other weights, data or settings. */
async function readReference(
  path: string,
  metadata: Readonly<Record<string, string>>,
): Promise<ReferenceLogProbabilities | undefined> {
  await using file = await openSafetensors(path);
  if (!isDeepStrictEqual(file.metadata, metadata)) return undefined;
  const [chosen, rejected] = [await file.read("chosen"), await file.read("rejected")];
  return chosen.dtype === "float32" && rejected.dtype === "float32"
    ? { chosen: chosen.data, rejected: rejected.data }
    : undefined;
}

function pairValues(
  { batchSize, chosen, rejected, indices }: PairBatch,
  reference: ReferenceLogProbabilities,
): Record<string, HostTensor> {
  const [c, r] = [sequenceValues(chosen), sequenceValues(rejected)];
  const look = (values: Float32Array) =>
    float32(
      [batchSize],
      Float32Array.from(indices, (index) => values[index] ?? NaN),
    );
  return {
    chosenInputs: c.inputs,
    chosenTargets: c.targets,
    chosenLossMask: c.lossMask,
    rejectedInputs: r.inputs,
    rejectedTargets: r.targets,
    rejectedLossMask: r.lossMask,
    referenceChosen: look(reference.chosen),
    referenceRejected: look(reference.rejected),
  };
}
