/**
 * Special tokens that a tokenizer.json lacks, added behind its own as Hugging Face's `add_special_tokens` does. Everything
 * else stays as it is and is judged by whoever reads the file (tokenizer-json.ts).
 */
import { z } from "zod";

const Added = z.looseObject({ id: z.int(), content: z.string() });
const File = z.looseObject({
  added_tokens: z.array(Added).default([]),
  model: z.looseObject({ vocab: z.record(z.string(), z.int()) }),
});

/** The file with those that it lacks under the ids that follow its last; a text that is no such file as it came. */
export function addSpecialTokens(text: string, wanted: readonly string[]): string {
  const file = File.safeParse(parseJson(text)).data;
  if (file === undefined) return text;
  const { vocab } = file.model;
  const missing = wanted.filter((token) => !file.added_tokens.some(({ content }) => content === token));
  if (missing.length === 0) return text;
  const ids = [...Object.values(vocab), ...file.added_tokens.map(({ id }) => id)];
  let next = ids.reduce((most, id) => Math.max(most, id), -1) + 1;
  const added = missing.map((content) => ({
    id: Object.hasOwn(vocab, content) ? (vocab[content] ?? next) : next++,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  return `${JSON.stringify({ ...file, added_tokens: [...file.added_tokens, ...added] }, null, 2)}\n`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // told by who reads the file
  }
}
