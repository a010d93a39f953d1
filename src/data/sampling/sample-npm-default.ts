/** Documents, conversations, preference pairs and questions out of the default npm corpora. */
import { userError } from "../../errors.ts";
import { FactPool, conversationOf, preferenceOf, questionOf } from "../corpora/constructed-records.ts";
import { openDefaultCorpora, type DefaultCorpora } from "../corpora/default-corpora.ts";
import { reserveKeys, sideOf, type Fact, type IsReserved } from "../corpora/fact.ts";
import type { DatasetWriter } from "../documents/dataset.ts";
import type { SourceRecord } from "../documents/manifest.ts";
import { createRandom, type Random } from "../random.ts";
import type { Conversation, PreferencePair, Question } from "../records.ts";
import type { DownloadOptions } from "../../std/http/download-pinned.ts";
import type { SampleOutputs } from "./sample-outputs.ts";
import type { NpmDefaultParams } from "./sample-params.ts";
import type { SampleEvents, SourceSampler } from "./source-sampler.ts";
import { sampleStream, type StreamItem } from "./sample-stream.ts";

const CATEGORIES = {
  en: ["speech", "novel", "dictionary"],
  zh: ["poetry", "classics", "technical", "dictionary", "saying"],
} as const;

/** Throws UNKNOWN_CATEGORY. */
export function npmDefaultSampler(
  params: NpmDefaultParams,
  seed: number,
  outputs: SampleOutputs,
  options: DownloadOptions & SampleEvents,
): SourceSampler {
  refuseUnknownCategories(params);
  const isReserved = reserveKeys(seed, params.reservedFraction);
  const open = () => openDefaultCorpora(isReserved, options);
  return corporaSampler(params, seed, outputs, open, isReserved, options);
}

/** The same for corpora that come from elsewhere; `isReserved` is the one they are opened with. */
export function corporaSampler(
  params: NpmDefaultParams,
  seed: number,
  outputs: SampleOutputs,
  open: () => Promise<DefaultCorpora>,
  isReserved: IsReserved,
  options: SampleEvents,
): SourceSampler {
  const wantsDocuments = params.characters.en + params.characters.zh > 0;
  let read: Promise<ReadCorpora> | undefined;
  const corpora = () => (read ??= readCorpora(open, isReserved, wantsDocuments, options.signal));
  return {
    records: async () => {
      const { facts, sources } = await corpora();
      await sampleRecords(params, seed, outputs, facts);
      return sources();
    },
    documents: async () => {
      if (!wantsDocuments) return [];
      const { items, sources } = await corpora();
      read = undefined; // a recipe's later sources need not share memory with these
      await sampleStream(
        {
          name: "npm-default",
          items: () => items,
          seed,
          quotas: params.characters,
          weights: params.weights,
          signal: options.signal,
          onDocuments: options.onDocuments,
        },
        outputs,
      );
      return sources();
    },
  };
}

interface ReadCorpora {
  readonly facts: Record<"text" | "question" | "all", FactPool>;
  readonly items: readonly StreamItem[];
  readonly sources: () => SourceRecord[];
}

async function readCorpora(
  open: () => Promise<DefaultCorpora>,
  isReserved: IsReserved,
  wantsDocuments: boolean,
  signal: AbortSignal | undefined,
): Promise<ReadCorpora> {
  const corpora = await open();
  const facts = { text: new FactPool(), question: new FactPool(), all: new FactPool() };
  // Pinned packages hold a fixed 33 million characters: kept in memory, they need not be parsed twice.
  const items: StreamItem[] = [];
  let seen = 0;
  for await (const item of corpora.items()) {
    if (++seen % 1000 === 0) signal?.throwIfAborted();
    if (!("fact" in item)) {
      if (wantsDocuments) items.push(item);
      continue;
    }
    const side = sideOf(item.fact, isReserved);
    if (side !== "neither") facts[side].add(item.fact);
    facts.all.add(item.fact);
  }
  return { facts, items, sources: () => corpora.sources.map((source) => source.record()) };
}

async function sampleRecords(
  params: NpmDefaultParams,
  seed: number,
  outputs: SampleOutputs,
  facts: ReadCorpora["facts"],
): Promise<void> {
  const random = createRandom(seed).fork("constructed records");
  await construct(
    outputs,
    outputs.conversations,
    params.conversations,
    facts.text,
    random.fork("conversations"),
    conversationOf,
  );
  await construct(
    outputs,
    outputs.preferences,
    params.preferences,
    facts.text,
    random.fork("preferences"),
    (fact, stream) => preferenceOf(fact, facts.text, stream),
  );
  await construct(
    outputs,
    outputs.questions,
    params.questions,
    facts.question,
    random.fork("questions"),
    (fact, stream) => questionOf(fact, facts.all, stream),
  );
}

async function construct(
  outputs: SampleOutputs,
  writer: DatasetWriter,
  count: number,
  pool: FactPool,
  random: Random,
  build: (fact: Fact, random: Random) => Conversation | PreferencePair | Question | undefined,
): Promise<void> {
  writer.ask(count);
  let made = 0;
  const drawn = pool.draw(random.fork("draw"));
  while (made < count) {
    const next = drawn.next();
    if (next.done === true) break;
    const record = build(next.value, random);
    if (!record) {
      writer.drop("no wrong answer to set against the true one", 0);
      continue;
    }
    await outputs.addRecord(writer, next.value.relation, record);
    made++;
  }
  outputs.shortfall(writer, "constructed records", count, made);
}

function refuseUnknownCategories({ weights }: NpmDefaultParams): void {
  for (const language of ["en", "zh"] as const) {
    const known: readonly string[] = CATEGORIES[language];
    for (const name of Object.keys(weights[language])) {
      if (known.includes(name)) continue;
      throw userError(
        "UNKNOWN_CATEGORY",
        `The npm corpora have no ${language} category ${name}.`,
        `Use ${known.join(", ")}.`,
      );
    }
  }
}
