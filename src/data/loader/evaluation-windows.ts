/**
 * Held-out text for bits per byte: every token of a split that stands for text is predicted exactly once. Rows do not
 * mix groups (languages, unless the caller says otherwise), so that sums over rows are sums over groups.
 */
import { userError } from "../../errors.ts";
import type { Batch } from "../batch.ts";
import type { SplitReader, TokenShards } from "../shards/open-shards.ts";
import { entryNumbers } from "../shards/shard-format.ts";
import type { Stratum } from "../shards/shard-manifest.ts";
import { checkLoaderOptions } from "./loader-options.ts";
import { PaddedBatch } from "./padded-batch.ts";

export interface EvaluationOptions {
  readonly split: string;
  readonly batchSize: number;
  readonly sequenceLength: number;
  /** Tokens by which windows advance; the others of a window are context only. Default: half a window. */
  readonly stride?: number;
  /** (V) Of the encoder: a token of 0 bytes is special and not scored. */
  readonly tokenByteCounts: Uint32Array;
  /** Id of `<|endoftext|>`, the context of the very first token. */
  readonly endOfText: number;
  /** Default: the language. */
  readonly groupOf?: (stratum: Stratum) => string;
}

export interface EvaluationBatch {
  /** lossMask is 1 where a token is predicted for the first time and stands for text. */
  readonly batch: Batch;
  /** What the rows are, in order; the last batch may have fewer rows than batchSize, the rest is padding. */
  readonly rows: readonly EvaluationRow[];
}

export interface EvaluationRow {
  readonly group: string;
  /** Targets of the row that count, and the bytes of text that they stand for. */
  readonly tokens: number;
  readonly bytes: number;
}

/** Group by group, each in the order of the split. */
export async function* evaluationWindows(
  shards: TokenShards,
  options: EvaluationOptions,
): AsyncGenerator<EvaluationBatch> {
  checkLoaderOptions(options);
  const { batchSize, sequenceLength, tokenByteCounts, endOfText } = options;
  const stride = options.stride ?? Math.ceil(sequenceLength / 2);
  if (!Number.isInteger(stride) || stride < 1 || stride > sequenceLength) {
    throw userError("LOADER_OPTIONS", `stride must be from 1 to ${sequenceLength}, not ${stride}.`);
  }
  let batch = new PaddedBatch(batchSize, sequenceLength, endOfText);
  let rows: EvaluationRow[] = [];
  for (const [group, stretches] of await stretchesByGroup(shards, options)) {
    for await (const { ids, fresh } of windowsOf(shards.split(options.split), stretches, options, stride)) {
      const counts = (at: number) => at >= fresh && (tokenByteCounts[ids[at] as number] ?? 0) > 0;
      let tokens = 0;
      let bytes = 0;
      for (let at = fresh; at < ids.length; at++) {
        if (!counts(at)) continue;
        tokens++;
        bytes += tokenByteCounts[ids[at] as number] as number;
      }
      if (tokens === 0) continue; // only an end of text was new
      batch.setRow(rows.length, ids, counts);
      rows.push({ group, tokens, bytes });
      if (rows.length < batchSize) continue;
      yield { batch, rows };
      batch = new PaddedBatch(batchSize, sequenceLength, endOfText);
      rows = [];
    }
  }
  if (rows.length > 0) yield { batch, rows };
}

/** Neighbouring documents of one group: tokens [start, end) of the split. */
interface Stretch {
  readonly start: number;
  end: number;
}

async function stretchesByGroup(
  shards: TokenShards,
  { split: splitName, groupOf = ({ language }) => language }: EvaluationOptions,
): Promise<ReadonlyMap<string, Stretch[]>> {
  const groups = new Map<string, Stretch[]>();
  const groupNames = shards.manifest.strata.map((stratum) => groupOf(stratum));
  for await (const { firstToken, entries } of shards.split(splitName).documentBlocks()) {
    let start = firstToken;
    for (let at = 0; at < entries.length; at += entryNumbers) {
      const end = start + (entries[at] as number);
      const group = groupNames[entries[at + 4] as number] ?? "";
      const stretches = groups.get(group) ?? [];
      groups.set(group, stretches);
      const last = stretches.at(-1);
      if (last?.end === start) last.end = end;
      else stretches.push({ start, end });
      start = end;
    }
  }
  return groups;
}

/**
 * Windows of up to T + 1 ids over the stretches laid end to end after an end of text. ids[fresh] is the first that no
 * window before has predicted.
 */
async function* windowsOf(
  reader: SplitReader,
  stretches: readonly Stretch[],
  { sequenceLength, endOfText }: EvaluationOptions,
  stride: number,
): AsyncGenerator<{ ids: Int32Array; fresh: number }> {
  const window = new Int32Array(sequenceLength + 1);
  window[0] = endOfText;
  let length = 1;
  let fresh = 1;
  for (const { start, end } of stretches) {
    for (let token = start; token < end;) {
      const count = Math.min(end - token, window.length - length);
      await reader.read(token, count, window, length);
      token += count;
      length += count;
      if (length < window.length) continue;
      yield { ids: window.slice(), fresh };
      // Keep the end as context, so that the next window has `stride` new targets.
      window.copyWithin(0, stride);
      length -= stride;
      fresh = length;
    }
  }
  if (length > fresh) yield { ids: window.slice(0, length), fresh };
}
