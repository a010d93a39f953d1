/** Documents, conversations and preference pairs out of datasets on the Hugging Face Hub, by random row groups. */
import { join } from "node:path";
import { z } from "zod";
import { PipelineError } from "../../errors.ts";
import type { DatasetWriter } from "../documents/dataset.ts";
import type { SourceRecord } from "../documents/manifest.ts";
import { createRandom, type Random } from "../random.ts";
import type { Conversation, PreferencePair } from "../records.ts";
import {
  SMOLTALK_COLUMNS,
  smoltalkConversation,
  ULTRAFEEDBACK_COLUMNS,
  ultrafeedbackPair,
  type Adapted,
} from "../sources/dataset-schemas.ts";
import { openHuggingFace } from "../sources/huggingface.ts";
import type { RetryPolicy } from "../sources/http-retry.ts";
import type { Row } from "../formats/parquet-decode.ts";
import { openParquet } from "../formats/parquet-rows.ts";
import { RangeCache } from "../sources/range-cache.ts";
import type { Source, SourceEvents, SourceFile } from "../sources/source.ts";
import { drawState, RowDraws, type RowGroupFile } from "./draw-row-groups.ts";
import type { SampleTask } from "./sample-checkpoint.ts";
import { sampleIndustry } from "./sample-industry.ts";
import type { SampleOutputs } from "./sample-outputs.ts";
import type { HuggingFaceParams } from "./sample-params.ts";
import { sampleTexts } from "./sample-texts.ts";
import type { SourceSampler } from "./source-sampler.ts";

export interface HubEvents extends SourceEvents {
  /** Where parts of files are kept for the next try. */
  readonly cacheDirectory: string;
  readonly retry?: RetryPolicy | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  readonly onDocuments?: ((read: number) => void) | undefined;
}

export function hubSampler(
  params: HuggingFaceParams,
  seed: number,
  outputs: SampleOutputs,
  events: HubEvents,
): SourceSampler {
  const random = createRandom(seed).fork(`hf:${params.repository}`);
  const open = async (task: SampleTask): Promise<Source> =>
    openHuggingFace({
      ...events,
      repository: params.repository,
      revision: task.revisionOf(`hf:${params.repository}`) ?? params.revision,
      ranges: await RangeCache.open(join(events.cacheDirectory, "ranges"), { onNotice: events.onNotice }),
    });
  const recordsSampler = (wanted: WantedRecords): SourceSampler => ({
    records: async (task) => sampleRecords(wanted, await open(task), outputs, random, task, events),
  });
  switch (params.dataset) {
    case "texts":
      return {
        documents: async (task) => sampleTexts(params, await open(task), seed, outputs, events),
      };
    case "industry-corpus-2":
      return {
        documents: async (task) => {
          const source = await open(task);
          await sampleIndustry({
            params,
            source,
            outputs,
            random,
            task,
            rowGroupFile: fileIn(source),
            events,
          });
          return [source.record()];
        },
      };
    case "smol-smoltalk":
      return recordsSampler({
        prefix: params.files,
        columns: SMOLTALK_COLUMNS,
        count: params.conversations,
        writer: outputs.conversations,
        adapt: smoltalkConversation,
      });
    case "ultrafeedback-binarized":
      return recordsSampler({
        prefix: params.files,
        columns: ULTRAFEEDBACK_COLUMNS,
        count: params.preferences,
        writer: outputs.preferences,
        adapt: ultrafeedbackPair,
      });
  }
}

const fileIn =
  (source: Source) =>
  (file: SourceFile, columns: readonly string[]): RowGroupFile => ({
    path: file.path,
    size: file.size,
    openRows: () => openParquet(file, columns, `${source.name}/${file.path}`),
  });

const recordsState = z.object({ draws: drawState, got: z.int(), rows: z.int() });

/** What a dataset of conversations or preference pairs is to give. */
interface WantedRecords {
  /** Of the paths of its files. */
  readonly prefix: string;
  readonly columns: readonly string[];
  readonly count: number;
  readonly writer: DatasetWriter;
  readonly adapt: (row: Row, source: string) => Adapted<Conversation | PreferencePair>;
}

async function sampleRecords(
  { prefix, columns, count, writer, adapt }: WantedRecords,
  source: Source,
  outputs: SampleOutputs,
  random: Random,
  task: SampleTask,
  events: HubEvents,
): Promise<SourceRecord[]> {
  const files: RowGroupFile[] = [];
  for await (const file of source.files((path) => path.startsWith(prefix) && path.endsWith(".parquet"))) {
    files.push(fileIn(source)(file, columns));
  }
  const before = task.state === undefined ? undefined : recordsState.parse(task.state);
  if (!before) {
    writer.ask(count);
    writer.askStratum({ language: "en", category: source.name }, count);
  }
  let { got, rows } = before ?? { got: 0, rows: 0 };
  const draws = new RowDraws(files, random, { state: before?.draws });
  while (got < count) {
    events.signal?.throwIfAborted();
    const row = await draws.next();
    if (!row) break;
    rows++;
    const adapted = adapt(row, source.name);
    if ("dropped" in adapted) writer.drop(adapted.dropped, adapted.characters);
    else {
      await outputs.addRecord(writer, source.name, adapted.record);
      got++;
    }
    if (rows % 1000 === 0) events.onDocuments?.(rows);
    if (draws.endsPart) await task.save({ draws: draws.state(), got, rows }, [source.record()]);
  }
  if (got === 0 && count > 0) {
    throw new PipelineError({
      code: "NO_RECORDS",
      message: `${source.name}: none of ${rows} rows in ${files.length} files under ${prefix} could be used.`,
      hint: "Check `files` and `dataset` of this source in the recipe.",
    });
  }
  outputs.shortfall(writer, `records from ${source.name}`, count, got);
  return [source.record()];
}
