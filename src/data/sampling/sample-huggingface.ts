/** Documents, conversations and preference pairs out of datasets on the Hugging Face Hub, by random row groups. */
import { join } from "node:path";
import { PipelineError, userError } from "../../errors.ts";
import { cleanText } from "../documents/clean-text.ts";
import type { DatasetWriter } from "../documents/dataset.ts";
import type { SourceRecord } from "../documents/manifest.ts";
import { createRandom, type Random } from "../random.ts";
import type { Conversation, Language, PreferencePair } from "../records.ts";
import {
  INDUSTRY_COLUMNS,
  industryText,
  parseIndustryPath,
  SMOLTALK_COLUMNS,
  smoltalkConversation,
  ULTRAFEEDBACK_COLUMNS,
  ultrafeedbackPair,
  type Adapted,
} from "../sources/dataset-schemas.ts";
import { openHuggingFace } from "../sources/huggingface.ts";
import type { RetryPolicy } from "../sources/http-retry.ts";
import { openParquet, type Row } from "../sources/parquet-rows.ts";
import { RangeCache } from "../sources/range-cache.ts";
import type { Source, SourceEvents, SourceFile } from "../sources/source.ts";
import { allocateQuota } from "./allocate-quota.ts";
import { drawRowGroups, type RowGroupFile } from "./draw-row-groups.ts";
import type { SampleOutputs } from "./sample-outputs.ts";
import type { HuggingFaceParams, IndustryParams } from "./sample-params.ts";

export interface HubEvents extends SourceEvents {
  /** Where parts of files are kept for the next try. */
  readonly cacheDirectory: string;
  readonly retry?: RetryPolicy | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  readonly onDocuments?: ((read: number) => void) | undefined;
}

export async function sampleHuggingFace(
  params: HuggingFaceParams,
  seed: number,
  outputs: SampleOutputs,
  events: HubEvents,
): Promise<SourceRecord[]> {
  const source = await openHuggingFace({
    ...events,
    repository: params.repository,
    revision: params.revision,
    ranges: await RangeCache.open(join(events.cacheDirectory, "ranges"), { onNotice: events.onNotice }),
  });
  const random = createRandom(seed).fork(`hf:${params.repository}`);
  switch (params.dataset) {
    case "industry-corpus-2":
      await sampleIndustry(params, source, outputs, random, events);
      break;
    case "smol-smoltalk":
      await sampleRecords(
        source,
        params.files,
        SMOLTALK_COLUMNS,
        params.conversations,
        outputs,
        outputs.conversations,
        random,
        smoltalkConversation,
        events,
      );
      break;
    case "ultrafeedback-binarized":
      await sampleRecords(
        source,
        params.files,
        ULTRAFEEDBACK_COLUMNS,
        params.preferences,
        outputs,
        outputs.preferences,
        random,
        ultrafeedbackPair,
        events,
      );
      break;
  }
  return [source.record()];
}

const rowGroupFile = (source: Source, file: SourceFile, columns: readonly string[]): RowGroupFile => ({
  path: file.path,
  openRows: () => openParquet(file, columns, `${source.name}/${file.path}`),
});

/** One category in one language: its quality levels are drawn from in the order of preference. */
class IndustryStratum {
  readonly category: string;
  readonly weight: number;
  /** Infinity until every file has been read; then what was got. */
  available = Infinity;
  got = 0;
  readonly #rows: AsyncGenerator<Row>;

  constructor(category: string, weight: number, rows: AsyncGenerator<Row>) {
    this.category = category;
    this.weight = weight;
    this.#rows = rows;
  }

  /** The next row; undefined (for ever) when there is none left. */
  async next(): Promise<Row | undefined> {
    const next = await this.#rows.next();
    if (next.done !== true) return next.value;
    this.available = this.got;
    return undefined;
  }
}

async function sampleIndustry(
  params: IndustryParams,
  source: Source,
  outputs: SampleOutputs,
  random: Random,
  events: HubEvents,
): Promise<void> {
  const files = new Map<string, SourceFile[]>(); // by language, category, quality
  const categories = new Set<string>();
  for await (const file of source.files((path) => parseIndustryPath(path) !== undefined)) {
    const parsed = parseIndustryPath(file.path);
    if (!parsed) continue;
    categories.add(parsed.category);
    const key = `${parsed.language}/${parsed.category}/${parsed.quality}`;
    const group = files.get(key);
    if (group) group.push(file);
    else files.set(key, [file]);
  }
  refuseUnknown(params, categories);
  let read = 0;
  for (const language of ["en", "zh"] as const) {
    const quota = params.characters[language];
    outputs.corpus.ask(quota);
    const strata = Object.entries(params.weights)
      .filter(([, weight]) => weight > 0)
      .map(([category, weight]) => {
        const levels = params.qualities.map(
          (quality) => files.get(`${language}/${category}/${quality}`) ?? [],
        );
        return new IndustryStratum(
          category,
          weight,
          drawRows(source, levels, random.fork(`${language}/${category}`)),
        );
      });
    for (const { name, asked } of sharesOf(quota, strata))
      outputs.corpus.askStratum(language, name, Math.round(asked));
    // Fill every stratum to its share; where one ran dry, divide anew over those that did not.
    for (let moved = quota > 0; moved;) {
      moved = false;
      for (const { stratum, asked } of sharesOf(quota, strata)) {
        while (stratum.got < asked && stratum.available === Infinity) {
          events.signal?.throwIfAborted();
          const row = await stratum.next();
          moved = true;
          if (row) await keepText(row, language, stratum, source.name, outputs);
          if (++read % 1000 === 0) events.onDocuments?.(read);
        }
      }
    }
    const got = strata.reduce((sum, stratum) => sum + stratum.got, 0);
    outputs.shortfallOfCorpus(language, source.name, quota, got);
  }
}

function sharesOf(
  quota: number,
  strata: readonly IndustryStratum[],
): { name: string; stratum: IndustryStratum; asked: number }[] {
  const parts = allocateQuota(
    quota,
    strata.map(({ category, weight, available }) => ({ name: category, weight, available })),
  );
  return strata.map((stratum) => ({
    name: stratum.category,
    stratum,
    asked: parts.get(stratum.category) ?? 0,
  }));
}

async function* drawRows(
  source: Source,
  levels: readonly (readonly SourceFile[])[],
  random: Random,
): AsyncGenerator<Row> {
  for (const [level, files] of levels.entries()) {
    const groups = files.map((file) => rowGroupFile(source, file, INDUSTRY_COLUMNS));
    for await (const { rows } of drawRowGroups(groups, random.fork(`level ${level}`))) yield* rows;
  }
}

async function keepText(
  row: Row,
  language: Language,
  stratum: IndustryStratum,
  source: string,
  outputs: SampleOutputs,
): Promise<void> {
  const adapted = industryText(row);
  if ("dropped" in adapted) {
    outputs.corpus.drop(adapted.dropped, adapted.characters);
    return;
  }
  const { text, faults } = cleanText(adapted.record);
  const { category } = stratum;
  if (!(await outputs.addDocument({ text: text.trim(), language, source, category }))) return;
  stratum.got += text.trim().length;
  for (const fault of faults) outputs.corpus.repaired(fault);
}

function refuseUnknown({ weights, repository }: IndustryParams, known: ReadonlySet<string>): void {
  const unknown = Object.keys(weights).find((category) => !known.has(category));
  if (unknown === undefined) return;
  throw userError(
    "UNKNOWN_CATEGORY",
    `hf:${repository} has no category ${unknown}.`,
    known.size === 0
      ? "It has no file of the layout {category}/{chinese|english}/{high|middle|low}/rank_NNNNN.parquet."
      : `Use ${[...known].sort().join(", ")}.`,
  );
}

async function sampleRecords<R extends Conversation | PreferencePair>(
  source: Source,
  prefix: string,
  columns: readonly string[],
  count: number,
  outputs: SampleOutputs,
  writer: DatasetWriter,
  random: Random,
  adapt: (row: Row, source: string) => Adapted<R>,
  events: HubEvents,
): Promise<void> {
  const files: RowGroupFile[] = [];
  for await (const file of source.files((path) => path.startsWith(prefix) && path.endsWith(".parquet"))) {
    files.push(rowGroupFile(source, file, columns));
  }
  writer.ask(count);
  writer.askStratum("en", source.name, count);
  let got = 0;
  let rows = 0;
  if (count > 0) {
    for await (const group of drawRowGroups(files, random)) {
      for (const row of group.rows) {
        if (got === count) break;
        rows++;
        const adapted = adapt(row, source.name);
        if ("dropped" in adapted) writer.drop(adapted.dropped, adapted.characters);
        else {
          await outputs.addRecord(writer, source.name, adapted.record);
          got++;
        }
        if (rows % 1000 === 0) events.onDocuments?.(rows);
      }
      events.signal?.throwIfAborted();
      if (got === count) break;
    }
  }
  if (got === 0 && count > 0) {
    throw new PipelineError({
      code: "NO_RECORDS",
      message: `${source.name}: none of ${rows} rows in ${files.length} files under ${prefix} could be used.`,
      hint: "Check `files` and `dataset` of this source in the recipe.",
    });
  }
  outputs.shortfall(writer, `records from ${source.name}`, count, got);
}
