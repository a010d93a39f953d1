/** Checks the vocabulary and the merges of a tokenizer.json against each other, and tells all that is wrong with them. */
import type { AddedToken, BpeModel } from "./bpe-model.ts";
import { byteCharacters, isUtf8Byte, tokenBytes } from "./byte-alphabet.ts";
import { maxTokenId } from "./pair-queue.ts";
import type { BpeSection } from "./tokenizer-json-schema.ts";

/** Of one kind of fault, so many are named. */
const named = 3;

/** Adds to `differences` what makes the vocabulary unusable; the result holds only where nothing was added. */
export function readVocabulary(
  { vocab, merges }: BpeSection,
  addedTokens: readonly AddedToken[],
  differences: string[],
): Pick<BpeModel, "tokens" | "merges"> {
  const tokens = tokensById(vocab, addedTokens, differences);
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const unknown: string[] = [];
  const repeated: string[] = [];
  const seen = new Set<string>();
  const read = merges.map(([first, second]): [number, number, number] => {
    const pair = `${first} ${second}`;
    if (seen.has(pair)) repeated.push(pair);
    seen.add(pair);
    const [a, b, merged] = [ids.get(first), ids.get(second), ids.get(first + second)];
    if (a === undefined || b === undefined || merged === undefined) {
      unknown.push(...[first, second, first + second].filter((token) => !ids.has(token)));
      return [0, 0, 0];
    }
    return [a, b, merged];
  });
  // Where the vocabulary itself is wrong, what merges lack follows from that.
  if (unknown.length > 0 && differences.length === 0)
    differences.push(`merges need ${list(unknown)}, not in the vocabulary`);
  if (repeated.length > 0) differences.push(`listed twice: ${list(repeated)} among the merges`);
  return { tokens, merges: read };
}

/** Token by id; tells of gaps, two tokens with one id, missing bytes and tokens that are no bytes. */
function tokensById(
  vocab: BpeSection["vocab"],
  addedTokens: readonly AddedToken[],
  differences: string[],
): string[] {
  const added = new Set(addedTokens.map(({ content }) => content));
  const all = new Map(Object.entries(vocab));
  for (const { id, content } of addedTokens) {
    if ((all.get(content) ?? id) !== id) differences.push(`the added token ${content} has two ids`);
    all.set(content, id);
  }
  if (all.size > maxTokenId) differences.push(`it has ${all.size} tokens, more than ${maxTokenId}`);
  const tokens = new Array<string | undefined>(all.size);
  const [beyond, shared, foreign]: [string[], string[], string[]] = [[], [], []];
  for (const [token, id] of all) {
    if (id >= tokens.length) beyond.push(`${token} (${id})`);
    else if (tokens[id] !== undefined) shared.push(`${token} and ${tokens[id]} (${id})`);
    else tokens[id] = token;
    if (!added.has(token) && tokenBytes(token) === undefined) foreign.push(token);
  }
  if (beyond.length > 0) differences.push(`ids are not 0 to ${tokens.length - 1}: ${list(beyond)}`);
  if (shared.length > 0) differences.push(`tokens share an id: ${list(shared)}`);
  if (foreign.length > 0) differences.push(`tokens not written in the byte alphabet: ${list(foreign)}`);
  const missing = byteCharacters.flatMap((character, byte) =>
    isUtf8Byte(byte) && (!all.has(character) || added.has(character)) ? [hex(byte)] : [],
  );
  if (missing.length > 0)
    differences.push(
      `${missing.length} bytes of text are no tokens, so that it is unknown: ${list(missing)}`,
    );
  return tokens.filter((token) => token !== undefined);
}

const hex = (byte: number): string => `0x${byte.toString(16).padStart(2, "0")}`;

function list(items: readonly string[]): string {
  const shown = items.slice(0, named).map((item) => JSON.stringify(item.slice(0, 60)));
  const left = items.length - shown.length;
  return left > 0 ? `${shown.join(", ")} and ${left} more` : shown.join(", ");
}
