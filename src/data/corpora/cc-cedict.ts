/** CC-CEDICT: pages of a Chinese–English dictionary, and translations both ways as facts. */
import { joinLines } from "./chunk-text.ts";
import type { Corpus } from "./corpus.ts";
import type { DictionaryEntry } from "./dictionary.ts";
import type { Fact } from "./fact.ts";

const PAGE_CHARACTERS = 600;

export const ccCedict: Corpus = {
  tarball: {
    package: "cc-cedict",
    version: "1.1.1",
    bytes: 4_222_976, // data/all.js; the two indexes after it repeat it
    lastEntry: "data/all.js",
    integrity:
      "sha512-VZfSeyCo8C5/ij8C10gtLa2YgCOXP90AH+ImWYOZsOd8G2fWA3AolV97VnLjbB9QZrweHn6e/PRl55haAhXL3g==",
    licence: "MIT AND CC-BY-SA-4.0",
  },
  // The file itself is read once for all corpora: see default-corpora.ts.
  *read(source, { dictionary, isReserved }) {
    const lines: string[] = [];
    const facts = new Map<string, Fact[]>();
    for (const entry of dictionary.entries) {
      const glosses = entry.glosses.map(plainGloss).filter((gloss) => gloss !== "");
      if (!/^\p{Script=Han}{1,6}$/u.test(entry.simplified) || glosses.length === 0) continue;
      const line = `${entry.simplified}：${glosses.join("; ")}`;
      if ([entry.simplified, ...glosses].some(isReserved)) {
        yield { dropped: "reserved for questions", characters: line.length };
      } else {
        lines.push(line);
      }
      if (!facts.has(entry.simplified)) {
        facts.set(entry.simplified, translationFacts(entry, glosses, source.name));
      }
    }
    for (const page of joinLines(lines, PAGE_CHARACTERS)) {
      yield { document: { text: page, language: "zh", source: source.name, category: "dictionary" } };
    }
    for (const fact of [...facts.values()].flat()) yield { fact };
  },
};

/** Without notes in brackets and cross-references; empty where nothing is left. */
export function plainGloss(gloss: string): string {
  const plain = gloss
    .replaceAll(/\([^)]*\)/gu, "")
    .replaceAll(/\[[^\]]*\]/gu, "")
    .replaceAll(/\s+/gu, " ")
    .replaceAll(/ ([,;.])/gu, "$1")
    .trim();
  const reference = /variant of|\bsee (?:also )?\p{Script=Han}|^CL:|^abbr\. for|\p{Script=Han}|^surname /u;
  return reference.test(plain) ? "" : plain.replace(/^[,;.\s]+|[,;\s]+$/gu, "");
}

/** Words that a label marks as no plain modern Chinese are not taught as translations. */
const LABELLED =
  /\((?:[^)]*\W)?(?:vulgar|slang|coll|derog|coarse|taboo|obscene|offensive|euphemism|dialect|arch|archaic|old|literary|Tw|Internet|neologism|ACG)\b|\b(?:sex|penis|fart|rape|fuck|shit)/iu;

function translationFacts(entry: DictionaryEntry, glosses: readonly string[], source: string): Fact[] {
  const { simplified, pinyin } = entry;
  const [gloss = ""] = (glosses[0] ?? "").split(";");
  const isName = /^[A-Z]/u.test(pinyin);
  if (entry.glosses.some((one) => LABELLED.test(one))) return [];
  if (isName || !/^[A-Za-z' -]{2,28}$/u.test(gloss) || simplified.length < 2 || simplified.length > 4)
    return [];
  const words = gloss.replace(/^(?:to|a|an|the) /u, "").split(" ").length;
  if (words > 3) return [];
  const keys = [simplified, gloss, gloss.replace(/^(?:to|a|an|the) /u, "")] as const;
  const group = `${simplified.length}${gloss.startsWith("to ") ? " verb" : ""}`;
  return [
    {
      relation: "chinese-to-english",
      keys,
      subject: simplified,
      answer: gloss,
      group,
      otherLanguage: simplified,
      language: "en",
      source,
    },
    {
      relation: "english-to-chinese",
      keys,
      subject: gloss,
      answer: simplified,
      group,
      otherLanguage: gloss,
      language: "zh",
      source,
    },
  ];
}
