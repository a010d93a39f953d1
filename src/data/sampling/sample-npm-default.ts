/** Documents, conversations, preference pairs and questions out of the default npm corpora. */
import { userError } from "../../errors.ts";
import { FactPool, conversationOf, preferenceOf, questionOf } from "../corpora/constructed-records.ts";
import { openDefaultCorpora, type DefaultCorpora } from "../corpora/default-corpora.ts";
import { reserveKeys, sideOf, type Fact, type IsReserved } from "../corpora/fact.ts";
import type { DatasetWriter } from "../documents/dataset.ts";
import type { SourceRecord } from "../documents/manifest.ts";
import { createRandom, type Random } from "../random.ts";
import type { Conversation, PreferencePair, Question } from "../records.ts";
import type { DownloadOptions } from "../sources/download-pinned.ts";
import type { SourceEvents } from "../sources/source.ts";
import type { SampleOutputs } from "./sample-outputs.ts";
import type { NpmDefaultParams } from "./sample-params.ts";
import { sampleStream, type StreamItem } from "./sample-stream.ts";

const CATEGORIES = {
  en: ["speech", "novel", "dictionary"],
  zh: ["poetry", "classics", "technical", "dictionary", "saying"],
} as const;

export async function sampleNpmDefault(
  params: NpmDefaultParams,
  seed: number,
  outputs: SampleOutputs,
  options: DownloadOptions & { readonly onDocuments?: (read: number) => void },
): Promise<SourceRecord[]> {
  refuseUnknownCategories(params);
  const isReserved = reserveKeys(seed, params.reservedFraction);
  return sampleCorpora(
    params,
    seed,
    outputs,
    await openDefaultCorpora(isReserved, options),
    isReserved,
    options,
  );
}

/** The same for corpora that are open already; `isReserved` is the one they were opened with. */
export async function sampleCorpora(
  params: NpmDefaultParams,
  seed: number,
  outputs: SampleOutputs,
  corpora: DefaultCorpora,
  isReserved: IsReserved,
  options: Pick<SourceEvents, "signal"> & { readonly onDocuments?: (read: number) => void },
): Promise<SourceRecord[]> {
  const facts = { text: new FactPool(), question: new FactPool(), all: new FactPool() };
  // Pinned packages hold a fixed 33 million characters: kept in memory, they need not be parsed twice.
  const items: StreamItem[] = [];
  for await (const item of corpora.items()) {
    if (!("fact" in item)) {
      items.push(item);
      if (items.length % 1000 === 0) options.signal?.throwIfAborted();
      continue;
    }
    const side = sideOf(item.fact, isReserved);
    if (side !== "neither") facts[side].add(item.fact);
    facts.all.add(item.fact);
  }
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
  return corpora.sources.map((source) => source.record());
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
