/**
 * Samples a stream of documents that can be gone through twice: quotas per stratum by weight, with what one stratum
 * lacks filled from the others of its language.
 */
import { DigestSet } from "../documents/digest-set.ts";
import { contentDigest, hashToUnit } from "../documents/split.ts";
import type { DataDocument, Language } from "../records.ts";
import { allocateQuota } from "./allocate-quota.ts";
import type { SampleOutputs } from "./sample-outputs.ts";
import { ThresholdSampler } from "./threshold-sampler.ts";

export type StreamItem =
  | { readonly document: DataDocument; readonly faults?: readonly string[] }
  | { readonly dropped: string; readonly characters: number };

export interface StreamSample {
  /** Named in notes. */
  readonly name: string;
  readonly items: () => AsyncIterable<StreamItem> | Iterable<StreamItem>;
  readonly seed: number;
  readonly quotas: Readonly<Partial<Record<Language, number>>>;
  readonly weights: Readonly<Partial<Record<Language, Readonly<Record<string, number>>>>>;
  readonly signal?: AbortSignal | undefined;
  readonly onDocuments?: ((read: number) => void) | undefined;
}

const LANGUAGES = ["en", "zh"] as const;

/** Returns how many documents were kept. */
export async function sampleStream(sample: StreamSample, outputs: SampleOutputs): Promise<number> {
  const samplers = new Map<string, ThresholdSampler>();
  const samplerOf = ({ language, category }: DataDocument): ThresholdSampler | undefined => {
    const weight = sample.weights[language]?.[category] ?? 0;
    if (weight === 0) return undefined;
    const key = `${language} ${category}`;
    let sampler = samplers.get(key);
    if (!sampler) samplers.set(key, (sampler = new ThresholdSampler()));
    return sampler;
  };
  const rankOf = (digest: Uint8Array): number => hashToUnit(`sample:${sample.seed}`, digest);

  const distinct = new DigestSet();
  for await (const item of watched(sample)) {
    if (!("document" in item)) continue;
    const digest = contentDigest(item.document.text);
    if (distinct.add(digest)) samplerOf(item.document)?.count(rankOf(digest), item.document.text.length);
  }

  for (const language of LANGUAGES) setQuotas(language, sample, samplers, outputs);

  const got: Record<Language, number> = { en: 0, zh: 0 };
  let kept = 0;
  for await (const item of watched(sample)) {
    if (!("document" in item)) {
      outputs.corpus.drop(item.dropped, item.characters);
      continue;
    }
    const { document, faults = [] } = item;
    const digest = contentDigest(document.text);
    const sampler = samplerOf(document);
    if (!sampler) outputs.corpus.drop("category of weight 0", document.text.length);
    else if (!sampler.admits(rankOf(digest))) {
      outputs.corpus.drop("not drawn", document.text.length);
    } else if (await outputs.addDocument(document, digest)) {
      sampler.keep(document.text.length);
      for (const fault of faults) outputs.corpus.repaired(fault);
      got[document.language] += document.text.length;
      kept++;
    }
  }
  for (const language of LANGUAGES) {
    outputs.shortfallOfCorpus(language, sample.name, sample.quotas[language] ?? 0, got[language]);
  }
  return kept;
}

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
      language,
      category,
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
