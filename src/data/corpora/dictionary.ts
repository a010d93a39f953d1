/**
 * CC-CEDICT in memory: its entries, and what other corpora need of it: traditional characters made simplified, and
 * the Chinese names of capitals. A conversion by characters and exceptional words; not OpenCC.
 */
import { z } from "zod";
import { PipelineError } from "../../errors.ts";

export interface DictionaryEntry {
  readonly traditional: string;
  readonly simplified: string;
  /** With tone numbers, e.g. `mu4 tou5`. */
  readonly pinyin: string;
  readonly glosses: readonly string[];
}

export interface Dictionary {
  readonly entries: readonly DictionaryEntry[];
  readonly toSimplified: (text: string) => string;
  /** English name of a capital → Chinese. */
  readonly capitals: ReadonlyMap<string, string>;
}

const rawEntry = z.tuple([z.string(), z.string(), z.string(), z.union([z.string(), z.array(z.string())])]);
const rawDictionary = z.object({ all: z.array(rawEntry.rest(z.unknown())).min(1) });

/** `module` is the package's `data/all.js`: `export default {"all": […], …}`. Throws CORPUS_FORMAT. */
export function parseDictionary(module: string): Dictionary {
  const start = module.indexOf("{");
  const end = module.lastIndexOf("}");
  let raw: z.infer<typeof rawDictionary>;
  try {
    raw = rawDictionary.parse(JSON.parse(module.slice(start, end + 1)));
  } catch (cause) {
    throw new PipelineError({
      code: "CORPUS_FORMAT",
      message: "cc-cedict: data/all.js does not hold the entries that this version should.",
      hint: "The pinned package and its reader disagree: report it.",
      cause,
    });
  }
  const entries = raw.all.map(([traditional, simplified, pinyin, glosses]) => ({
    traditional,
    simplified,
    pinyin,
    glosses: typeof glosses === "string" ? [glosses] : glosses,
  }));
  return { entries, toSimplified: createSimplifier(entries), capitals: findCapitals(entries) };
}

/**
 * Each character becomes what it is in most entries; words whose simplified form differs from that (乾坤, 著名) are
 * exceptions, looked for first, longest first.
 */
export function createSimplifier(
  entries: readonly Pick<DictionaryEntry, "traditional" | "simplified">[],
): (text: string) => string {
  const votes = new Map<string, Map<string, number>>();
  for (const { traditional, simplified } of entries) {
    const from = Array.from(traditional);
    const to = Array.from(simplified);
    if (from.length !== to.length) continue;
    from.forEach((character, index) => {
      const target = to[index] ?? character;
      const targets = votes.get(character) ?? new Map<string, number>();
      targets.set(target, (targets.get(target) ?? 0) + 1);
      votes.set(character, targets);
    });
  }
  const characters = new Map<string, string>();
  for (const [character, targets] of votes) {
    const [winner] = [...targets].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0] ?? [character];
    if (winner !== character) characters.set(character, winner);
  }
  const byCharacters = (text: string): string => {
    let result = "";
    for (const character of text) result += characters.get(character) ?? character;
    return result;
  };

  const words = new Map<string, string>();
  const beginnings = new Set<string>(); // most characters begin no such word
  const ambiguous = new Set<string>();
  let longest = 1;
  for (const { traditional, simplified } of entries) {
    const length = Array.from(traditional).length;
    if (length < 2 || length > 4 || byCharacters(traditional) === simplified) continue;
    if (words.has(traditional) && words.get(traditional) !== simplified) ambiguous.add(traditional);
    words.set(traditional, simplified);
    beginnings.add(Array.from(traditional)[0] ?? "");
    longest = Math.max(longest, length);
  }
  for (const word of ambiguous) words.delete(word);

  return (text) => {
    const from = Array.from(text);
    let result = "";
    for (let at = 0; at < from.length;) {
      const first = from[at] ?? "";
      let taken = 1;
      let piece = characters.get(first) ?? first;
      const reach = beginnings.has(first) ? Math.min(longest, from.length - at) : 1;
      for (let length = reach; length >= 2; length--) {
        const word = words.get(from.slice(at, at + length).join(""));
        if (word === undefined) continue;
        taken = length;
        piece = word;
        break;
      }
      result += piece;
      at += taken;
    }
    return result;
  };
}

function findCapitals(entries: readonly DictionaryEntry[]): Map<string, string> {
  const capitals = new Map<string, string>();
  for (const { simplified, glosses } of entries) {
    for (const gloss of glosses) {
      const name = /^([A-Z][\p{L}' .-]+?)(?: \([^)]*\))?, (?:the )?capital (?:city )?of /u.exec(gloss)?.[1];
      if (name !== undefined && !capitals.has(name)) capitals.set(name, simplified);
    }
  }
  return capitals;
}
