/** Where tokens of a split lie: which shard, and which documents. Reads the lengths of all documents: for when one asks, not for a loop. */
import type { SplitReader } from "./open-shards.ts";
import { entryNumbers } from "./shard-format.ts";

export interface TokenRange {
  /** In the split. */
  readonly start: number;
  readonly count: number;
}

export interface TokenPlace {
  /** Of the first token: the shard's name, and how many of its tokens stand before. */
  readonly shard: string;
  readonly shardOffset: number;
  /** Documents of the split, numbered from 0 over its shards: that of the first token and that of the last. */
  readonly firstDocument: number;
  readonly lastDocument: number;
}

/** In the order of `ranges`. Throws SHARD_INVALID as `documentBlocks` does. */
export async function locateTokens(
  split: SplitReader,
  shards: readonly { readonly name: string; readonly tokens: number }[],
  ranges: readonly TokenRange[],
): Promise<TokenPlace[]> {
  // Each token that is asked for, in order of the split, with where its document's number goes.
  const firsts = ranges.map(() => 0);
  const lasts = ranges.map(() => 0);
  const asked = ranges
    .flatMap(({ start, count }, index) => [
      { token: start, put: (document: number) => (firsts[index] = document) },
      { token: start + Math.max(count, 1) - 1, put: (document: number) => (lasts[index] = document) },
    ])
    .sort((a, b) => a.token - b.token);
  let next = 0;
  let document = 0;
  for await (const { firstToken, entries } of split.documentBlocks()) {
    let end = firstToken;
    for (let at = 0; at < entries.length; at += entryNumbers, document++) {
      end += entries[at] ?? 0;
      for (let one = asked[next]; one !== undefined && one.token < end; one = asked[++next])
        one.put(document);
    }
  }
  return ranges.map(({ start }, index) => ({
    ...shardOf(shards, start),
    firstDocument: firsts[index] ?? 0,
    lastDocument: lasts[index] ?? 0,
  }));
}

function shardOf(
  shards: readonly { readonly name: string; readonly tokens: number }[],
  token: number,
): Pick<TokenPlace, "shard" | "shardOffset"> {
  let firstToken = 0;
  for (const { name, tokens } of shards) {
    if (token < firstToken + tokens) return { shard: name, shardOffset: token - firstToken };
    firstToken += tokens;
  }
  throw new RangeError(`Token ${token} is outside of ${firstToken}.`);
}
