/** Two-part sayings (歇后语): a picture and what it means; pages of them and facts. */
import { z } from "zod";
import { PipelineError } from "../../errors.ts";
import { readText } from "../sources/source.ts";
import { joinLines } from "./chunk-text.ts";
import type { Corpus } from "./corpus.ts";

const PAGE_CHARACTERS = 400;
const sayingsSchema = z.object({ a: z.array(z.tuple([z.string(), z.string()]).rest(z.string())).min(1) });

export const sayings: Corpus = {
  tarball: {
    package: "cnchar-xhy",
    version: "3.2.6",
    bytes: 253_411,
    integrity:
      "sha512-GjSVfutaLDJGIB6s5MSPHK6Z9eY5Pf7QyVbgxR7dRFMkxJWEZvAEt2SYww7gpP51B2/NO+Q85oUX+S0uR8FU5Q==",
    licence: "MIT",
  },
  async *read(source, { isReserved }) {
    const lines: string[] = [];
    const seen = new Set<string>();
    for await (const file of source.files((path) => path === "cnchar.xhy.min.js")) {
      for (const [picture, meaning] of parseSayings(await readText(file))) {
        const line = `${picture}——${meaning}。`;
        if (seen.has(picture)) {
          yield { dropped: "duplicate", characters: line.length };
          continue;
        }
        seen.add(picture);
        if (isReserved(picture)) yield { dropped: "reserved for questions", characters: line.length };
        else lines.push(line);
        const [answer = meaning] = meaning.split(/[；;]/u);
        if (answer.length > 12) continue;
        yield {
          fact: {
            relation: "saying",
            keys: [picture],
            subject: picture,
            answer,
            group: String(answer.length),
            language: "zh",
            source: source.name,
          },
        };
      }
    }
    for (const page of joinLines(lines, PAGE_CHARACTERS)) {
      yield { document: { text: page, language: "zh", source: source.name, category: "saying" } };
    }
  },
};

/** The data stands in the bundled module as `JSON.parse('{"a":[["…","…"],…]}')`. Throws CORPUS_FORMAT. */
export function parseSayings(module: string): [string, string][] {
  const json = /JSON\.parse\('((?:[^'\\]|\\.)*)'\)/su.exec(module)?.[1];
  if (json === undefined) {
    throw new PipelineError({
      code: "CORPUS_FORMAT",
      message: "cnchar-xhy: cnchar.xhy.min.js does not hold the sayings that this version should.",
      hint: "The pinned package and its reader disagree: report it.",
    });
  }
  const { a } = sayingsSchema.parse(JSON.parse(json.replaceAll("\\'", "'")));
  return a.map(([picture, meaning]) => [picture.trim(), meaning.trim().replace(/。$/u, "")]);
}
