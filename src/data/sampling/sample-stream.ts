/**
 * Samples a stream of documents that can be gone through twice: quotas per stratum by weight, with what one stratum
 * lacks filled from the others of its language.
 */
import { PipelineError } from "../../errors.ts";
import { contentDigest, hashToUnit } from "../documents/split.ts";
import type { DataDocument, Dropped, Language } from "../records.ts";
import { allocateQuota } from "./allocate-quota.ts";
import type { Fingerprints } from "./filters/document-filter.ts";
import type { FingerprintLog } from "./filters/fingerprint-log.ts";
import type { SampleOutputs } from "./sample-outputs.ts";
import type { SampleEvents } from "./source-sampler.ts";
import { ThresholdSampler } from "./threshold-sampler.ts";

export type StreamItem = { readonly document: DataDocument; readonly faults?: readonly string[] } | Dropped;

export interface StreamSample extends Pick<SampleEvents, "signal" | "onDocuments"> {
  /** Named in notes. */
  readonly name: string;
  readonly items: () => AsyncIterable<StreamItem> | Iterable<StreamItem>;
  readonly seed: number;
  readonly quotas: Readonly<Partial<Record<Language, number>>>;
  readonly weights: Readonly<Partial<Record<Language, Readonly<Record<string, number>>>>>;
}

const LANGUAGES = ["en", "zh"] as const;

/** Returns how many documents were kept. Throws SOURCE_CHANGED, and SHORTFALL where the recipe says so. */
export async function sampleStream(sample: StreamSample, outputs: SampleOutputs): Promise<number> {
  const log = await outputs.openFirstPass();
  const first = await count(sample, outputs, log);
  for (const language of LANGUAGES) setQuotas(language, sample, first.samplers, outputs);
  const fingerprints = log.read(await log.sync());
  try {
    const { documents, characters } = await keepDrawn(sample, outputs, first, fingerprints);
    for (const language of LANGUAGES)
      outputs.shortfallOfCorpus(language, sample.name, sample.quotas[language] ?? 0, characters[language]);
    return documents;
  } finally {
    await fingerprints.return(undefined);
    await outputs.closeFirstPass();
  }
}

interface FirstPass {
  readonly samplers: ReadonlyMap<string, ThresholdSampler>;
  readonly verdicts: Verdicts;
}

/** The first pass: what every document that could be kept weighs and, in the log, is known by; why the others could not. */
async function count(sample: StreamSample, outputs: SampleOutputs, log: FingerprintLog): Promise<FirstPass> {
  const samplers = new Map<string, ThresholdSampler>();
  const verdicts = new Verdicts();
  // Of two documents that are the same the first is drawn or not; had only what is drawn an effect on the other, a
  // document that occurs often would be drawn more often.
  const seen = outputs.newSeenDocuments();
  for await (const item of watched(sample)) {
    if (!("document" in item)) {
      verdicts.push(undefined);
      continue;
    }
    const { document } = item;
    if (!(sample.weights[document.language]?.[document.category] ?? 0)) {
      verdicts.push("category of weight 0");
      continue;
    }
    const examined = outputs.examine(document);
    if ("fault" in examined) {
      verdicts.push(examined.fault);
      continue;
    }
    const duplicate = outputs.findDuplicate(examined) ?? seen.find(examined);
    verdicts.push(duplicate);
    if (duplicate !== undefined) continue;
    seen.add(examined);
    await log.append(examined);
    const key = keyOf(document);
    const sampler = samplers.get(key) ?? new ThresholdSampler();
    samplers.set(key, sampler);
    sampler.count(rankOf(sample, examined), document.text.length);
  }
  return { samplers, verdicts };
}

/** The second pass: documents are known by what the first found of them, and filtered no more. */
async function keepDrawn(
  sample: StreamSample,
  outputs: SampleOutputs,
  { samplers, verdicts }: FirstPass,
  found: AsyncIterator<Fingerprints>,
): Promise<{ documents: number; characters: Record<Language, number> }> {
  const kept = { documents: 0, characters: { en: 0, zh: 0 } };
  let at = 0;
  for await (const item of watched(sample)) {
    const fault = verdicts.at(at++);
    if (!("document" in item)) {
      outputs.corpus.drop(item.dropped, item.characters);
      continue;
    }
    const { document, faults = [] } = item;
    const { text, language, category } = document;
    const drop = (reason: string): void => outputs.corpus.drop(reason, text.length, { language, category });
    if (fault !== undefined) {
      drop(fault);
      continue;
    }
    const next = await found.next();
    const sampler = samplers.get(keyOf(document));
    if (next.done === true || !sampler) throw changedBetweenPasses(sample.name);
    if (!sampler.admits(rankOf(sample, next.value))) {
      drop("not drawn");
      continue;
    }
    if (!contentDigest(text).equals(next.value.digest)) throw changedBetweenPasses(sample.name);
    if (!(await outputs.addDocument(document, undefined, next.value))) continue;
    sampler.keep(text.length);
    for (const one of faults) outputs.corpus.repaired(one);
    kept.documents++;
    kept.characters[language] += text.length;
  }
  if (at !== verdicts.size) throw changedBetweenPasses(sample.name);
  return kept;
}

const rankOf = ({ seed }: StreamSample, { digest }: Fingerprints): number =>
  hashToUnit(`sample:${seed}`, digest);

const keyOf = ({ language, category }: DataDocument): string => `${language} ${category}`;

/** A reason or none for each document, one byte each. */
class Verdicts {
  #codes = new Uint8Array(1024);
  #size = 0;
  readonly #reasons: (string | undefined)[] = [undefined];

  push(reason: string | undefined): void {
    if (this.#size === this.#codes.length) {
      const grown = new Uint8Array(this.#size * 2);
      grown.set(this.#codes);
      this.#codes = grown;
    }
    let code = this.#reasons.indexOf(reason);
    if (code < 0) code = this.#reasons.push(reason) - 1;
    this.#codes[this.#size++] = code;
  }

  get size(): number {
    return this.#size;
  }

  at(index: number): string | undefined {
    return this.#reasons[this.#codes[index] ?? 0];
  }
}

const changedBetweenPasses = (name: string): PipelineError =>
  new PipelineError({
    code: "SOURCE_CHANGED",
    message: `${name} gave other text when it was read for the second time.`,
    hint: "Leave its files alone while the sample runs, then run again.",
  });

function setQuotas(
  language: Language,
  { quotas, weights }: StreamSample,
  samplers: ReadonlyMap<string, ThresholdSampler>,
  outputs: SampleOutputs,
): void {
  const quota = quotas[language] ?? 0;
  outputs.corpus.ask(quota);
  const demands = Object.entries(weights[language] ?? {}).map(([name, weight]) => ({
    name,
    weight,
    available: samplers.get(`${language} ${name}`)?.available ?? 0,
  }));
  const byWeight = allocateQuota(
    quota,
    demands.map((demand) => ({ ...demand, available: Infinity })),
  );
  for (const [category, part] of allocateQuota(quota, demands)) {
    const sampler = samplers.get(`${language} ${category}`);
    sampler?.setQuota(part);
    outputs.corpus.askStratum(
      { language, category },
      Math.round(byWeight.get(category) ?? 0),
      sampler?.available ?? 0,
    );
  }
}

async function* watched({ items, signal, onDocuments }: StreamSample): AsyncGenerator<StreamItem> {
  let read = 0;
  for await (const item of items()) {
    if (++read % 1000 === 0) {
      signal?.throwIfAborted();
      onDocuments?.(read);
    }
    yield item;
  }
}
