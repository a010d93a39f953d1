/**
 * Classical Chinese: Tang poems, Song lyrics (ci) and classic prose, in simplified characters; a poem is a document.
 * Facts: which line follows a poem's first.
 */
import { z } from "zod";
import { readText } from "../sources/source.ts";
import { chunkText } from "./chunk-text.ts";
import type { Corpus, CorpusContext, CorpusItem } from "./corpus.ts";

const PASSAGE_CHARACTERS = 800;

export const chinesePoetry: Corpus = {
  tarball: {
    package: "chinese-poetry",
    version: "2.0.1",
    bytes: 11_067_392, // of 85 MB: Tang, ci and classics; then 300,000 Song poems follow
    lastEntry: "dist/sishuwujing/mengzi.json",
    integrity:
      "sha512-ik9d6Fo2VinGU5bhhMIoW1J2uwmRpIoOjSdnIuyOljXkTeqGam20foCTWw6ERVGzbm4kzHIpYZKjQHWqqyV35w==",
    licence: "MIT (texts in the public domain)",
  },
  async *read(source, context) {
    for await (const file of source.files((path) => READERS.some(([pattern]) => pattern.test(path)))) {
      const reader = READERS.find(([pattern]) => pattern.test(file.path))?.[1];
      if (reader) yield* reader(JSON.parse(await readText(file)), source.name, context);
    }
  },
};

type Reader = (json: unknown, source: string, context: CorpusContext) => Iterable<CorpusItem>;

const tangPoems = z.array(
  z.object({ title: z.string(), author: z.string(), paragraphs: z.array(z.string()) }),
);
const songLyrics = z.array(
  z.object({ rhythmic: z.string(), author: z.string(), paragraphs: z.array(z.string()) }),
);
const chapters = z.array(z.object({ chapter: z.string(), paragraphs: z.array(z.string()) }));
const chapterOrChapters = z.preprocess(
  (value: unknown) => (Array.isArray(value) ? (value as unknown[]) : [value]),
  chapters,
);
const songsOfChu = z.array(z.object({ title: z.string(), author: z.string(), content: z.array(z.string()) }));
const anthology = z.object({ content: z.array(z.object({ content: chapters })) });

const READERS: readonly (readonly [RegExp, Reader])[] = [
  [
    // Volumes 889 to 900 hold lyrics whose lines are out of order here.
    /^dist\/yudingquantangshi\/json\/(?!889|89\d|900)\d+\.json$/u,
    function* (json, source, context) {
      for (const poem of tangPoems.parse(json)) yield* poemItems({ ...poem, era: "tang" }, source, context);
    },
  ],
  [
    /^dist\/songci\/ci\.song\..*\.json$/u,
    function* (json, source, context) {
      for (const poem of songLyrics.parse(json)) {
        yield* poemItems({ ...poem, title: poem.rhythmic, era: "song" }, source, context);
      }
    },
  ],
  [
    /^dist\/chuci\/chuci\.json$/u,
    function* (json, source, context) {
      for (const song of songsOfChu.parse(json)) {
        yield* prose(`${song.title}\n${song.author}`, song.content, "\n", source, context);
      }
    },
  ],
  [
    /^dist\/(?:lunyu\/lunyu|sishuwujing\/(?:daxue|mengzi))\.json$/u,
    function* (json, source, context) {
      for (const { chapter, paragraphs } of chapterOrChapters.parse(json)) {
        yield* prose(chapter, paragraphs, "\n\n", source, context);
      }
    },
  ],
  [
    /^dist\/mengxue\/guwenguanzhi\.json$/u,
    function* (json, source, context) {
      for (const { content } of anthology.parse(json).content) {
        for (const { chapter, paragraphs } of content)
          yield* prose(chapter, paragraphs, "\n\n", source, context);
      }
    },
  ],
];

interface Poem {
  readonly title: string;
  readonly author: string;
  readonly paragraphs: readonly string[];
  readonly era: string;
}

/** Missing characters (□) and editors' notes in brackets are not text to learn from. */
const DAMAGED = /[□■○〇{}[\]［］〖〗（）()a-z0-9]/iu;

function* poemItems(poem: Poem, source: string, context: CorpusContext): Generator<CorpusItem> {
  const simplify = context.dictionary.toSimplified;
  const lines = poem.paragraphs.map((line) => simplify(line.trim())).filter((line) => line !== "");
  const title = simplify(poem.title.trim());
  const author = simplify(poem.author.trim());
  const text = `《${title}》\n${author}\n${lines.join("\n")}`;
  const characters = text.length;
  if (DAMAGED.test(lines.join("")) || text.includes("□")) {
    yield { dropped: "damaged text", characters };
    return;
  }
  if (lines.join("").length < 16) {
    yield { dropped: "too short", characters };
    return;
  }
  const [first = "", second = ""] = lines.join("").split(/[，。！？；、：]/u);
  if (context.isReserved(first)) {
    yield { dropped: "reserved for questions", characters };
  } else {
    yield { document: { text, language: "zh", source, category: "poetry" } };
  }
  if (/^\p{Script=Han}{4,7}$/u.test(first) && /^\p{Script=Han}{4,7}$/u.test(second)) {
    yield {
      fact: {
        relation: "next-line",
        keys: [first],
        subject: first,
        answer: second,
        context: `${author}《${title}》`,
        group: `${poem.era} ${second.length}`,
        language: "zh",
        source,
      },
    };
  }
}

function* prose(
  title: string,
  paragraphs: readonly string[],
  separator: string,
  source: string,
  { dictionary: { toSimplified } }: CorpusContext,
): Generator<CorpusItem> {
  const text = toSimplified(`${title}${separator}${paragraphs.join(separator)}`)
    .replaceAll("「", "“")
    .replaceAll("」", "”")
    .replaceAll("『", "‘")
    .replaceAll("』", "’");
  for (const passage of chunkText(text, PASSAGE_CHARACTERS)) {
    yield { document: { text: passage, language: "zh", source, category: "classics" } };
  }
}
