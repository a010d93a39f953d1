/** Conversations and preference pairs out of the rows of a dataset: Parquet by random row groups, JSON Lines by two readings. */
import { z } from "zod";
import { PipelineError } from "../../errors.ts";
import type { Adapted } from "../adapters/adapted.ts";
import { charactersOf } from "../documents/characters-of.ts";
import type { DatasetWriter } from "../documents/dataset.ts";
import type { SourceRecord } from "../documents/manifest.ts";
import { contentDigestOf, hashToUnit } from "../documents/split.ts";
import { fileKind } from "../formats/file-kind.ts";
import { fileRecords } from "../formats/file-records.ts";
import type { Row } from "../formats/parquet-decode.ts";
import { openParquet } from "../formats/parquet-rows.ts";
import type { Random } from "../random.ts";
import type { Conversation, Language, PreferencePair } from "../records.ts";
import type { Source, SourceFile } from "../sources/source.ts";
import { drawState, RowDraws, type RowGroupFile } from "./draw-row-groups.ts";
import type { SampleTask } from "./sample-checkpoint.ts";
import type { SampleOutputs } from "./sample-outputs.ts";
import type { SampleEvents } from "./source-sampler.ts";
import { ThresholdSampler } from "./threshold-sampler.ts";

type Wanted = Conversation | PreferencePair;

export const rowGroupFile = (source: Source, file: SourceFile, columns: readonly string[]): RowGroupFile => ({
  path: file.path,
  size: file.size,
  openRows: () => openParquet(file, columns, `${source.name}/${file.path}`),
});

const recordsState = z.object({ draws: drawState, got: z.int(), rows: z.int() });

/** What a dataset of conversations or preference pairs is to give. */
export interface WantedRecords {
  /** Of the paths of its files. */
  readonly prefix: string;
  readonly columns: readonly string[];
  readonly count: number;
  readonly writer: DatasetWriter;
  readonly language: Language;
  readonly adapt: (row: Row, source: string) => Adapted<Wanted>;
}

/** Throws NO_RECORDS where no row can be used, and what the source and its formats throw. */
export async function sampleRecords(
  wanted: WantedRecords,
  source: Source,
  outputs: SampleOutputs,
  random: Random,
  task: SampleTask,
  events: SampleEvents,
): Promise<SourceRecord[]> {
  const { prefix, language, count, writer } = wanted;
  const files: SourceFile[] = [];
  const isWanted = (path: string): boolean =>
    path.startsWith(prefix) && ["parquet", "jsonl"].includes(fileKind(path)?.format ?? "");
  for await (const file of source.files(isWanted)) files.push(file);
  if (task.state === undefined) {
    writer.ask(count);
    writer.askStratum({ language, category: source.name }, count);
  }
  const sample = files.every(({ path }) => fileKind(path)?.format === "parquet") ? drawRows : streamRows;
  const { got, rows } = await sample(wanted, files, source, outputs, random, task, events);
  if (got === 0 && count > 0) {
    throw new PipelineError({
      code: "NO_RECORDS",
      message: `${source.name}: none of ${rows} rows in ${files.length} files under ${prefix} could be used.`,
      hint: "Check `files` and `dataset` of this source in the recipe. npx pipeline peek shows what is there.",
    });
  }
  outputs.shortfall(writer, `records from ${source.name}`, count, got);
  return [source.record()];
}

interface Taken {
  readonly got: number;
  readonly rows: number;
}
type Sample = (
  wanted: WantedRecords,
  files: readonly SourceFile[],
  source: Source,
  outputs: SampleOutputs,
  random: Random,
  task: SampleTask,
  events: SampleEvents,
) => Promise<Taken>;

/** By random row groups, without reading the rest; goes on where an earlier process stood. */
const drawRows: Sample = async (wanted, files, source, outputs, random, task, events) => {
  const { columns, count, writer } = wanted;
  const before = task.state === undefined ? undefined : recordsState.parse(task.state);
  let { got, rows } = before ?? { got: 0, rows: 0 };
  const groups = files.map((file) => rowGroupFile(source, file, columns));
  const draws = new RowDraws(groups, random, { state: before?.draws });
  while (got < count) {
    events.signal?.throwIfAborted();
    const row = await draws.next();
    if (!row) break;
    rows++;
    const adapted = adaptRow(wanted, row, source.name);
    if ("dropped" in adapted) writer.drop(adapted.dropped, adapted.characters);
    else {
      await outputs.addRecord(writer, source.name, adapted.record);
      got++;
    }
    if (rows % 1000 === 0) events.onDocuments?.(rows);
    if (draws.endsPart) await task.save({ draws: draws.state(), got, rows }, [source.record()]);
  }
  return { got, rows };
};

/** Lines cannot be jumped to: all are read, once to know how many there are and once to draw. A line's rank is its content's. */
const streamRows: Sample = async (wanted, files, source, outputs, random, _task, events) => {
  const { columns, count, writer } = wanted;
  const salt = `records ${random.fork("records").uniform()}`;
  const sampler = new ThresholdSampler();
  const each = async function* (): AsyncGenerator<{ adapted: Adapted<Wanted>; rank: number }> {
    for (const file of files)
      for await (const item of fileRecords(file, columns, `${source.name}/${file.path}`)) {
        events.signal?.throwIfAborted();
        const adapted = "row" in item ? adaptRow(wanted, item.row, source.name) : item;
        const rank =
          "record" in adapted ? hashToUnit(salt, contentDigestOf(JSON.stringify(adapted.record))) : 0;
        yield { adapted, rank };
      }
  };
  for await (const { adapted, rank } of each()) if ("record" in adapted) sampler.count(rank, 1);
  sampler.setQuota(count);
  let [got, rows] = [0, 0];
  for await (const { adapted, rank } of each()) {
    rows++;
    if (rows % 1000 === 0) events.onDocuments?.(rows);
    if ("dropped" in adapted) writer.drop(adapted.dropped, adapted.characters);
    else if (!sampler.admits(rank)) writer.drop("not drawn", charactersOf(adapted.record));
    else {
      await outputs.addRecord(writer, source.name, adapted.record);
      sampler.keep(1);
      got++;
    }
  }
  return { got, rows };
};

/** As the adapter has it, but for text that no encoding can hold. */
function adaptRow({ adapt }: WantedRecords, row: Row, source: string): Adapted<Wanted> {
  const adapted = adapt(row, source);
  if ("dropped" in adapted || !/\p{Surrogate}/u.test(textsOf(adapted.record).join("\0"))) return adapted;
  return { dropped: "lone surrogates", characters: charactersOf(adapted.record) };
}

const textsOf = (record: Wanted): readonly string[] =>
  "messages" in record
    ? record.messages.map(({ content }) => content)
    : [...record.prompt.map(({ content }) => content), record.chosen, record.rejected];
