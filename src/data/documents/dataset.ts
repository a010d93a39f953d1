/**
 * Datasets on disk: a folder with JSON Lines files and a manifest. Written once by a `DatasetWriter`, then read as
 * streams whose every record is checked. Decides nothing about what goes in.
 */
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { PipelineError } from "../../errors.ts";
import { digestOfFile } from "../../std/digest.ts";
import { JsonlWriter, readJsonl } from "../../std/jsonl.ts";
import type { Conversation, DataDocument, Language, PreferencePair, Question } from "../records.ts";
import { mismatch, readManifest, writeManifest, type Manifest } from "./manifest.ts";
import { conversationSchema, documentSchema, preferenceSchema, questionSchema } from "./record-schemas.ts";
import type { Split } from "./split.ts";

export const CORPUS_FILES = { train: "train.jsonl", heldout: "heldout.jsonl" } as const;
export const RECORDS_FILE = "records.jsonl";

/** Throws RECORD_INVALID naming file and line. */
export const readDocuments = (directory: string, split: Split): AsyncGenerator<DataDocument> =>
  readRecords(join(directory, CORPUS_FILES[split]), documentSchema);
export const readConversations = (directory: string): AsyncGenerator<Conversation> =>
  readRecords(join(directory, RECORDS_FILE), conversationSchema);
export const readPreferences = (directory: string): AsyncGenerator<PreferencePair> =>
  readRecords(join(directory, RECORDS_FILE), preferenceSchema);
export const readQuestions = (directory: string): AsyncGenerator<Question> =>
  readRecords(join(directory, RECORDS_FILE), questionSchema);

async function* readRecords<T>(path: string, schema: z.ZodType<T>): AsyncGenerator<T> {
  for await (const { value, line } of readJsonl(path)) {
    const parsed = schema.safeParse(value);
    if (!parsed.success) {
      throw new PipelineError({
        code: "RECORD_INVALID",
        message: `${path}:${line}: ${z.prettifyError(parsed.error)}`,
        hint: "Make the dataset again, or correct the line if it was written by hand.",
        cause: parsed.error,
      });
    }
    yield parsed.data;
  }
}

/** Characters (UTF-16 units) of the text that a record holds; the unit of every manifest. */
export function charactersOf(record: DataDocument | Conversation | PreferencePair | Question): number {
  if ("text" in record) return record.text.length;
  if ("messages" in record) return sum(record.messages.map((one) => one.content));
  const prompt = sum(record.prompt.map((one) => one.content));
  if ("choices" in record) return prompt + sum(record.choices);
  return prompt + record.chosen.length + record.rejected.length;
}

const sum = (texts: readonly string[]): number => texts.reduce((total, text) => total + text.length, 0);

type AnyRecord = DataDocument | Conversation | PreferencePair | Question;

interface Stratum {
  readonly language: Language;
  readonly category: string;
  asked: number;
  available?: number;
  got: { records: number; characters: number };
}

/** Everything of a manifest that the writer does not count by itself. */
export type ManifestFacts = Pick<Manifest, "seed" | "sources" | "notes">;

/** Writes the files of one dataset and counts what its manifest needs. One writer, one empty folder. */
export class DatasetWriter {
  readonly #directory: string;
  readonly #content: Manifest["content"];
  readonly #files = new Map<string, { writer: JsonlWriter; records: number; characters: number }>();
  readonly #strata = new Map<string, Stratum>();
  readonly #dropped: Record<string, { records: number; characters: number }> = {};
  readonly #repaired: Record<string, number> = {};
  readonly #read = { records: 0, characters: 0 };
  #asked = 0;

  private constructor(directory: string, content: Manifest["content"], fileNames: readonly string[]) {
    this.#directory = directory;
    this.#content = content;
    for (const name of fileNames) {
      this.#files.set(name, { writer: new JsonlWriter(join(directory, name)), records: 0, characters: 0 });
    }
  }

  static async create(directory: string, content: Manifest["content"]): Promise<DatasetWriter> {
    await mkdir(directory, { recursive: true });
    return new DatasetWriter(
      directory,
      content,
      content === "documents" ? Object.values(CORPUS_FILES) : [RECORDS_FILE],
    );
  }

  /** What the recipe asks for in all: characters of documents, or records. */
  ask(amount: number): void {
    this.#asked += amount;
  }

  /** How much of that a stratum is to give, and what it has where that is known. */
  askStratum(language: Language, category: string, asked: number, available?: number): void {
    const stratum = this.#stratum(language, category);
    stratum.asked += asked;
    if (available !== undefined) stratum.available = (stratum.available ?? 0) + available;
  }

  /** `file` is one of CORPUS_FILES for documents, RECORDS_FILE for all else. */
  async keep(file: string, category: string, record: AnyRecord): Promise<void> {
    const target = this.#files.get(file);
    if (!target) throw new TypeError(`${file} is no file of a dataset of ${this.#content}`);
    const characters = charactersOf(record);
    const { got } = this.#stratum(record.language, category);
    for (const tally of [this.#read, got, target]) {
      tally.records++;
      tally.characters += characters;
    }
    await target.writer.write(record);
  }

  drop(reason: string, characters: number, records = 1): void {
    const dropped = (this.#dropped[reason] ??= { records: 0, characters: 0 });
    for (const tally of [this.#read, dropped]) {
      tally.records += records;
      tally.characters += characters;
    }
  }

  repaired(fault: string): void {
    this.#repaired[fault] = (this.#repaired[fault] ?? 0) + 1;
  }

  /** Closes the files of a dataset that will not be finished. */
  abandon(): void {
    for (const { writer } of this.#files.values()) writer.abandon();
  }

  async finish(facts: ManifestFacts): Promise<Manifest> {
    const files: Manifest["files"] = [];
    for (const [path, { writer, records, characters }] of this.#files) {
      await writer.close();
      const absolute = join(this.#directory, path);
      const { size: bytes } = await stat(absolute);
      files.push({ path, records, characters, bytes, sha256: await digestOfFile(absolute) });
    }
    const manifest: Manifest = {
      formatVersion: 1,
      content: this.#content,
      ...facts,
      asked: this.#asked,
      read: this.#read,
      dropped: sortKeys(this.#dropped),
      repaired: sortKeys(this.#repaired),
      strata: [...this.#strata.values()].sort((a, b) =>
        compare(`${a.language} ${a.category}`, `${b.language} ${b.category}`),
      ),
      files,
    };
    await writeManifest(this.#directory, manifest);
    return manifest;
  }

  #stratum(language: Language, category: string): Stratum {
    const key = `${language} ${category}`;
    let stratum = this.#strata.get(key);
    if (!stratum) {
      stratum = { language, category, asked: 0, got: { records: 0, characters: 0 } };
      this.#strata.set(key, stratum);
    }
    return stratum;
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const sortKeys = <V>(record: Readonly<Record<string, V>>): Record<string, V> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => compare(a, b)));

/** Rereads every record and compares with the manifest. Throws what the readers throw, or MANIFEST_MISMATCH. */
export async function validateDataset(directory: string, content: Manifest["content"]): Promise<Manifest> {
  const manifest = await readManifest(directory);
  if (manifest.content !== content) {
    throw mismatch(directory, `a dataset of ${manifest.content} stands where ${content} should`);
  }
  const schema: z.ZodType<AnyRecord> = {
    documents: documentSchema,
    conversations: conversationSchema,
    preferences: preferenceSchema,
    questions: questionSchema,
  }[content];
  for (const file of manifest.files) {
    let records = 0;
    let characters = 0;
    for await (const record of readRecords(join(directory, file.path), schema)) {
      records++;
      characters += charactersOf(record);
    }
    if (records !== file.records || characters !== file.characters) {
      const stated = `${file.records} records with ${file.characters} characters`;
      throw mismatch(
        join(directory, file.path),
        `the manifest says ${stated}, there are ${records} with ${characters}`,
      );
    }
  }
  return manifest;
}
