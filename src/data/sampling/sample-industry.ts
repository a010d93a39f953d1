/**
 * Documents out of a dataset of IndustryCorpus2's layout: strata of language, category and quality, each a random sample
 * of its own files' rows. Where the first quality of a category is used up the next fills in for it, and where a
 * category is, the others do if the recipe says so.
 */
import { z } from "zod";
import { userError } from "../../errors.ts";
import { cleanText, isOtherEncoding } from "../documents/clean-text.ts";
import type { Random } from "../random.ts";
import type { Language } from "../records.ts";
import {
  INDUSTRY_COLUMNS,
  industryText,
  parseIndustryPath,
  type Quality,
} from "../adapters/industry-corpus.ts";
import type { Row } from "../formats/parquet-decode.ts";
import type { Source, SourceFile } from "../sources/source.ts";
import { allocateQuota } from "./allocate-quota.ts";
import { drawState, RowDraws, type RowGroupFile } from "./draw-row-groups.ts";
import type { SampleTask } from "./sample-checkpoint.ts";
import type { SampleOutputs } from "./sample-outputs.ts";
import type { IndustryParams } from "./sample-params.ts";
import type { SampleEvents } from "./source-sampler.ts";

const LANGUAGES = ["en", "zh"] as const;

const levelState = z.object({ draws: drawState, got: z.number(), dry: z.boolean() });
const taskState = z.object({
  read: z.int(),
  /** By language and category, the levels in the recipe's order. */
  strata: z.record(z.string(), z.array(levelState)),
});
type TaskState = z.infer<typeof taskState>;

interface Level {
  readonly quality: Quality;
  readonly draws: RowDraws;
  got: number;
  dry: boolean;
}

interface Stratum {
  readonly key: string;
  readonly language: Language;
  readonly category: string;
  readonly weight: number;
  readonly levels: readonly Level[];
}

const gotOf = ({ levels }: Stratum): number => levels.reduce((sum, { got }) => sum + got, 0);
const openLevel = ({ levels }: Stratum): Level | undefined => levels.find(({ dry }) => !dry);

export interface IndustrySampling {
  readonly params: IndustryParams;
  readonly source: Source;
  readonly outputs: SampleOutputs;
  readonly random: Random;
  readonly task: SampleTask;
  readonly rowGroupFile: (file: SourceFile, columns: readonly string[]) => RowGroupFile;
  readonly events: SampleEvents;
}

/** Throws UNKNOWN_CATEGORY, and SHORTFALL where the recipe says so. */
export async function sampleIndustry(sampling: IndustrySampling): Promise<void> {
  const { params, source, outputs, task, events } = sampling;
  const state: TaskState | undefined = task.state === undefined ? undefined : taskState.parse(task.state);
  const strata = await openStrata(sampling, state);
  if (!state) ask(params, strata, outputs);
  let read = state?.read ?? 0;
  const save = (): Promise<void> => task.save(stateOf(strata, read), [source.record()]);
  for (const language of LANGUAGES) {
    const own = strata.filter((stratum) => stratum.language === language);
    // What comes next depends on the state alone, not on how it was reached: a resumed sample takes the same order.
    let shares = sharesOf(params, language, own);
    for (;;) {
      events.signal?.throwIfAborted();
      const next = shares.find(({ stratum, share }) => openLevel(stratum) && gotOf(stratum) < share);
      const level = next && openLevel(next.stratum);
      if (!level) break;
      const row = await level.draws.next();
      if (!row) {
        level.dry = true;
        shares = sharesOf(params, language, own); // divides anew over those that are not dry
        continue;
      }
      level.got += await keepText(row, next.stratum, level.quality, sampling);
      if (++read % 1000 === 0) events.onDocuments?.(read);
      if (level.draws.endsPart) await save();
    }
  }
  for (const language of LANGUAGES)
    report(
      params,
      language,
      strata.filter((stratum) => stratum.language === language),
      sampling,
    );
}

async function openStrata(
  { params, source, random, rowGroupFile }: IndustrySampling,
  state: TaskState | undefined,
): Promise<Stratum[]> {
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
  return LANGUAGES.flatMap((language) =>
    Object.entries(params.weights).map(([category, weight]): Stratum => {
      const key = `${language}/${category}`;
      const columns = [...INDUSTRY_COLUMNS, ...Object.keys(params.columns[language])];
      const levels = params.qualities.map((quality, index): Level => {
        const known = state?.strata[key]?.[index];
        const groups = (files.get(`${key}/${quality}`) ?? []).map((file) => rowGroupFile(file, columns));
        const draws = new RowDraws(groups, random.fork(`${key}/${quality}`), {
          rowShare: params.rowShare,
          state: known?.draws,
        });
        return { quality, draws, got: known?.got ?? 0, dry: known?.dry ?? false };
      });
      return { key, language, category, weight, levels };
    }),
  );
}

function ask(params: IndustryParams, strata: readonly Stratum[], outputs: SampleOutputs): void {
  for (const language of LANGUAGES) {
    outputs.corpus.ask(params.characters[language]);
    const own = strata.filter((stratum) => stratum.language === language);
    for (const { stratum, share } of sharesOf(params, language, own)) {
      const { category } = stratum;
      // What a category lacks is not asked of its further qualities: they only fill in.
      for (const [index, quality] of params.qualities.entries())
        outputs.corpus.askStratum({ language, category, quality }, index === 0 ? Math.round(share) : 0);
    }
  }
}

function stateOf(strata: readonly Stratum[], read: number): TaskState {
  const levels = ({ levels: all }: Stratum): TaskState["strata"][string] =>
    all.map(({ draws, got, dry }) => ({ draws: draws.state(), got, dry }));
  return { read, strata: Object.fromEntries(strata.map((stratum) => [stratum.key, levels(stratum)])) };
}

/** What each stratum is to give, in characters, as far as is known which of them ran dry. */
function sharesOf(
  { characters, redistribute }: IndustryParams,
  language: Language,
  strata: readonly Stratum[],
): { stratum: Stratum; share: number }[] {
  const parts = allocateQuota(
    characters[language],
    strata.map((stratum) => ({
      name: stratum.key,
      weight: stratum.weight,
      available: redistribute && !openLevel(stratum) ? gotOf(stratum) : Infinity,
    })),
  );
  return strata.map((stratum) => ({ stratum, share: parts.get(stratum.key) ?? 0 }));
}

/** Answers the characters that were kept. */
async function keepText(
  row: Row,
  { language, category }: Stratum,
  quality: Quality,
  { params, source, outputs }: IndustrySampling,
): Promise<number> {
  const stratum = { language, category, quality };
  const adapted = industryText(row);
  if ("dropped" in adapted) {
    outputs.corpus.drop(adapted.dropped, adapted.characters, stratum);
    return 0;
  }
  const { text: cleaned, faults } = cleanText(adapted.record);
  const text = cleaned.trim();
  const fault = isOtherEncoding(text) ? "not UTF-8" : columnFault(row, params.columns[language]);
  if (fault !== undefined) {
    outputs.corpus.drop(fault, text.length, stratum);
    return 0;
  }
  if (!(await outputs.addDocument({ text, language, source: source.name, category }, quality))) return 0;
  for (const one of faults) outputs.corpus.repaired(one);
  return text.length;
}

/** A value that is missing lies within no limits. */
function columnFault(row: Row, limits: IndustryParams["columns"][Language]): string | undefined {
  for (const [column, { min = -Infinity, max = Infinity }] of Object.entries(limits)) {
    const value = typeof row[column] === "bigint" ? Number(row[column]) : row[column];
    if (typeof value !== "number" || Number.isNaN(value)) return `no ${column}`;
    if (value < min || value > max) return `limit of ${column}`;
  }
  return undefined;
}

/** Notes which qualities filled in, and what was lacking in the end. */
function report(
  params: IndustryParams,
  language: Language,
  strata: readonly Stratum[],
  { source, outputs }: IndustrySampling,
): void {
  const quota = params.characters[language];
  for (const { category, levels, weight } of strata) {
    for (const [index, { quality, got }] of levels.entries()) {
      const before = levels[index - 1];
      if (before && got > 0)
        outputs.note(
          outputs.corpus,
          `${language} ${category}: ${before.quality} is used up after ${before.got} characters; ${quality} gave ${got} more`,
        );
    }
    if (weight > 0 && quota > 0 && levels.every(({ dry }) => dry))
      outputs.note(outputs.corpus, `${language} ${category} is used up: the source holds no more of it`);
  }
  const got = strata.reduce((sum, stratum) => sum + gotOf(stratum), 0);
  outputs.shortfallOfCorpus(language, source.name, quota, got);
}

function refuseUnknown({ weights, repository }: IndustryParams, known: ReadonlySet<string>): void {
  const unknown = Object.keys(weights).find((category) => !known.has(category));
  if (unknown === undefined) return;
  throw userError(
    "UNKNOWN_CATEGORY",
    `hf:${repository} has no category ${unknown}.`,
    known.size === 0
      ? "It has no file of the layout {category}/{chinese|english}/{high|middle|low}/rank_NNNNN.parquet."
      : `It has ${[...known].sort().join(", ")}.`,
  );
}
