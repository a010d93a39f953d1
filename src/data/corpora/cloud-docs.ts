/**
 * Modern technical Chinese: the doc comments of Tencent Cloud's API (one class a paragraph), and what a field means
 * as facts. Boilerplate (request ids, "request structure", "may return null"), markup and addresses are taken out.
 */
import { readText } from "../sources/source.ts";
import { joinLines } from "./chunk-text.ts";
import type { Corpus, CorpusContext, CorpusItem } from "./corpus.ts";

const DOCUMENT_CHARACTERS = 900;
const MIN_HAN_SHARE = 0.5;
/** Shorter comments are labels (“评分。”), of which no text can be made. */
const MIN_SENTENCE_CHARACTERS = 10;

export const cloudDocs: Corpus = {
  tarball: {
    package: "tencentcloud-sdk-nodejs",
    version: "4.1.313",
    bytes: 7_428_257,
    integrity:
      "sha512-uhkLV7uGhVJZJ4qbyg2BlgNM48zKMNeuz23RaMbUkL+04Eu4P/ToXBen56hOTmo84lCDuBd1iBQLyZCsqWE5UA==",
    licence: "Apache-2.0",
  },
  async *read(source, context) {
    const seen = new Set<string>();
    const models = /^tencentcloud\/services\/[^/]+\/[^/]+\/[^/]+_models\.d\.ts$/u;
    for await (const file of source.files((path) => models.test(path))) {
      const service = file.path.split("/")[2] ?? "";
      const paragraphs: string[] = [];
      for (const declared of parseClasses(await readText(file))) {
        yield* classItems(declared, service, source.name, context, seen, paragraphs);
      }
      for (const text of joinLines(paragraphs, DOCUMENT_CHARACTERS, "\n\n")) {
        yield { document: { text, language: "zh", source: source.name, category: "technical" } };
      }
    }
  },
};

interface DeclaredClass {
  readonly comment: string;
  readonly fields: readonly { readonly name: string; readonly comment: string }[];
}

/** Interfaces of a TypeScript declaration file with their comments; enough for this generated code, no TypeScript parser. */
export function* parseClasses(code: string): Generator<DeclaredClass> {
  const interfaces =
    /(?:\/\*\*\n((?:(?!\*\/)[^])*?)\*\/\n)?export interface \w+(?: extends [^{]+)? \{\n([^]*?)\n\}/gu;
  const members = /\/\*\*\n((?:(?!\*\/)[^])*?)\*\/\s*(\w+)\??:/gu;
  for (const [, comment = "", body = ""] of code.matchAll(interfaces)) {
    const fields = [...body.matchAll(members)].map(([, text = "", name = ""]) => ({ name, comment: text }));
    yield { comment, fields };
  }
}

const BOILERPLATE = [
  /^唯一请求 ?ID/u,
  /(?:请求参数|返回参数|返回|请求)结构体$/u,
  /^\w+$/u, // a name without a word about it
];

/** The comment as plain sentences, or "" where it is boilerplate or hardly Chinese. */
export function plainComment(comment: string): string {
  const text = comment
    .replaceAll(/^\s*\* ?/gmu, "")
    .replaceAll(/注意[：:]\s*此字段可能返回 ?null[^。\n]*[。]?/gu, "")
    .replaceAll(/<br\s*\/?>|<\/?(?:li|p|ul|ol|div|tr|h\d)[^>]*>/giu, "\n")
    .replaceAll(/<\/?[a-z][^>]*>/giu, "")
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/gu, "$1") // Markdown links
    .replaceAll(/https?:\/\/[^\s，。；）)]+/giu, "")
    .replaceAll(/[`*]{1,3}|&[a-z]+;/giu, "")
    .replaceAll(/[ \t]+/gu, " ")
    .split("\n")
    .map((line) => line.trim().replace(/^[-•·>]+ */u, ""))
    .filter((line) => line !== "")
    .map((line) => (/[。！？；：，、;:,.!?)）]$/u.test(line) ? line : `${line}。`))
    .join("")
    .trim();
  if (BOILERPLATE.some((pattern) => pattern.test(text.replace(/。$/u, "")))) return "";
  const han = text.match(/\p{Script=Han}/gu)?.length ?? 0;
  return han < MIN_HAN_SHARE * text.length ? "" : text;
}

function* classItems(
  declared: DeclaredClass,
  service: string,
  source: string,
  { isReserved }: CorpusContext,
  seen: Set<string>,
  paragraphs: string[],
): Generator<CorpusItem> {
  const sentences: string[] = [];
  const comments = [{ name: "", comment: declared.comment }, ...declared.fields];
  for (const { name, comment } of comments) {
    const text = plainComment(comment);
    if (text === "") {
      yield { dropped: "boilerplate or not Chinese", characters: comment.length };
      continue;
    }
    if (seen.has(text)) {
      yield { dropped: "duplicate", characters: text.length };
      continue;
    }
    seen.add(text);
    if (name !== "" && isReserved(`${name} ${text}`)) {
      yield { dropped: "reserved for questions", characters: text.length };
    } else if (text.length < MIN_SENTENCE_CHARACTERS) {
      yield { dropped: "too short", characters: text.length };
    } else {
      sentences.push(text);
    }
    const answer = text.replace(/。$/u, "");
    if (name === "" || !/^[\p{Script=Han}A-Za-z0-9 ，、]{5,22}$/u.test(answer)) continue;
    const fact = { relation: "api-field", keys: [`${name} ${text}`], subject: name, answer } as const;
    yield { fact: { ...fact, context: service, group: service, language: "zh", source } };
  }
  if (sentences.join("").length >= 24) paragraphs.push(sentences.join(""));
  else if (sentences.length > 0) yield { dropped: "too short", characters: sentences.join("").length };
}
