/**
 * Bulk encoding on one thread against Hugging Face `tokenizers` (Rust, its npm package): the same tokenizer.json, the
 * same texts, caches cold, ids checked to be equal first.
 */
import { createEncoder, type Encoder } from "../src/tokenizer/encoder.ts";
import { TokenBuffer } from "../src/tokenizer/token-buffer.ts";
import { parseTokenizerJson } from "../src/tokenizer/tokenizer-json.ts";
import { readEncodingCorpus, type EncodingCorpus } from "./encoding-corpus.ts";
import { median, row, type Benchmark } from "./row.ts";

const bar = 2;
const repetitions = 5;
/** Documents handed over in one call. */
const batchSize = 256;

export const encoding: Benchmark = {
  name: "encoding",
  description: "bytes of text to token ids",
  bar: "the ids of Hugging Face's tokenizers",
  async run(report) {
    const corpus = await readEncodingCorpus();
    const peer = await openPeer(corpus.tokenizerJson);
    const model = parseTokenizerJson(corpus.tokenizerJson);
    if (peer !== undefined) await checkEqualIds(corpus, createEncoder(model), peer());

    const [ours, peerOnly, peerWithIds]: [number[], number[], number[]] = [[], [], []];
    const megabytes = corpus.bytes / 1e6;
    for (let index = 0; index < repetitions; index++) {
      const encoder = createEncoder(model);
      ours.push(megabytes / (await seconds(() => encodeAll(encoder, corpus.texts))));
      if (peer === undefined) continue;
      const [first, second] = [peer(), peer()];
      peerOnly.push(megabytes / (await seconds(() => first.encodeAll(corpus.texts, () => undefined))));
      peerWithIds.push(megabytes / (await seconds(() => second.encodeAll(corpus.texts, (ids) => ids()))));
    }
    const fields = {
      bench: "encoding",
      value: median(ours),
      unit: "MB/s",
      ...(peer === undefined ? { note: "skipped, not installed: tokenizers (npm install)" } : {}),
    };
    const job = `${corpus.description}, ${model.tokens.length} tokens, one thread`;
    const peerValue = (values: readonly number[]) => (peer === undefined ? null : median(values));
    report(row({ ...fields, job, peer: "tokenizers, ids left in Rust", peerValue: peerValue(peerOnly) }));
    report(row({ ...fields, job, peer: "tokenizers, ids as arrays", peerValue: peerValue(peerWithIds) }));
    if (peer !== undefined && median(ours) < bar * median(peerOnly))
      throw new Error(`a thread is to be ${bar} times as fast as one of the peer`);
  },
};

async function seconds(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

function encodeAll(encoder: Encoder, texts: readonly string[]): void {
  const ids = new TokenBuffer();
  for (const text of texts) {
    ids.clear();
    encoder.encodeInto(text, ids);
  }
}

interface Peer {
  /** Hands over, text by text, a way to get its ids into JavaScript. */
  encodeAll(texts: readonly string[], onText: (ids: () => readonly number[]) => void): Promise<void>;
}

/** A maker of fresh peers, whose caches are cold; undefined where the package is not installed. */
async function openPeer(tokenizerJson: string): Promise<(() => Peer) | undefined> {
  process.env["TOKENIZERS_PARALLELISM"] = "false"; // read when the library encodes its first batch
  const library = await import("tokenizers").catch(() => undefined);
  if (library === undefined) return undefined;
  return () => {
    const tokenizer = library.Tokenizer.fromString(tokenizerJson);
    return {
      async encodeAll(texts, onText) {
        for (let start = 0; start < texts.length; start += batchSize) {
          const batch = texts.slice(start, start + batchSize);
          for (const encoded of await tokenizer.encodeBatch(batch, { addSpecialTokens: false }))
            onText(() => encoded.getIds());
        }
      },
    };
  };
}

/** Throws at the first text whose ids differ: speeds of different results do not compare. */
async function checkEqualIds({ texts }: EncodingCorpus, encoder: Encoder, peer: Peer): Promise<void> {
  let index = 0;
  await peer.encodeAll(texts, (ids) => {
    const text = texts[index++] ?? "";
    const ours = encoder.encode(text);
    const theirs = ids();
    if (ours.length !== theirs.length || theirs.some((id, at) => id !== ours[at]))
      throw new Error(`text ${index - 1} gets other ids than from tokenizers: ${text.slice(0, 80)}`);
  });
}
