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
import type { Conversation, DataDocument, PreferencePair, Question } from "../records.ts";
import { charactersOf } from "./characters-of.ts";
import {
  MANIFEST_VERSION,
  mismatch,
  readManifest,
  writeManifest,
  type Manifest,
  type StratumName,
  type StratumRecord,
  type Tally,
} from "./manifest.ts";
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

type AnyRecord = DataDocument | Conversation | PreferencePair | Question;

/** Everything of a manifest that the writer does not count by itself. */
export type ManifestFacts = Pick<Manifest, "seed" | "sources" | "notes">;

/** What a writer has counted, and how long its files are: enough to go on from there. Plain JSON. */
export type DatasetState = Pick<Manifest, "asked" | "read" | "dropped" | "repaired" | "strata"> & {
  readonly files: readonly {
    readonly path: string;
    readonly bytes: number;
    records: number;
    characters: number;
  }[];
};

/** Writes the files of one dataset and counts what its manifest needs. One writer, one folder of its own. */
export class DatasetWriter {
  readonly #directory: string;
  readonly #content: Manifest["content"];
  readonly #files = new Map<string, { writer: JsonlWriter; records: number; characters: number }>();
  readonly #strata = new Map<string, StratumRecord>();
  readonly #dropped: Record<string, Tally>;
  readonly #repaired: Record<string, number>;
  readonly #read: Tally;
  #asked: number;

  private constructor(directory: string, content: Manifest["content"], state?: DatasetState) {
    this.#directory = directory;
    this.#content = content;
    const { asked, read, dropped, repaired, strata } = structuredClone(state ?? EMPTY);
    this.#asked = asked;
    this.#read = read;
    this.#dropped = dropped;
    this.#repaired = repaired;
    for (const stratum of strata) this.#strata.set(keyOf(stratum), stratum);
    const names = content === "documents" ? Object.values(CORPUS_FILES) : [RECORDS_FILE];
    for (const name of names) {
      const known = state?.files.find(({ path }) => path === name);
      const writer = new JsonlWriter(join(directory, name), { resumeAt: known?.bytes });
      this.#files.set(name, { writer, records: known?.records ?? 0, characters: known?.characters ?? 0 });
    }
  }

  /** With a state, goes on where the files had reached it; what they hold beyond is dropped. */
  static async create(
    directory: string,
    content: Manifest["content"],
    state?: DatasetState,
  ): Promise<DatasetWriter> {
    await mkdir(directory, { recursive: true });
    return new DatasetWriter(directory, content, state);
  }

  /** What the recipe asks for in all: characters of documents, or records. */
  ask(amount: number): void {
    this.#asked += amount;
  }

  /** How much of that a stratum is to give, and what it has where that is known. */
  askStratum(name: StratumName, asked: number, available?: number): void {
    const stratum = this.#stratum(name);
    stratum.asked += asked;
    if (available !== undefined) stratum.available = (stratum.available ?? 0) + available;
  }

  /** `file` is one of CORPUS_FILES for documents, RECORDS_FILE for all else. */
  async keep(file: string, stratum: StratumName, record: AnyRecord): Promise<void> {
    const target = this.#files.get(file);
    if (!target) throw new TypeError(`${file} is no file of a dataset of ${this.#content}`);
    const characters = charactersOf(record);
    for (const tally of [this.#read, this.#stratum(stratum).got, target]) {
      tally.records++;
      tally.characters += characters;
    }
    await target.writer.write(record);
  }

  /** One record that is not kept. The stratum where it is known. */
  drop(reason: string, characters: number, stratum?: StratumName): void {
    const tallies = [this.#read, (this.#dropped[reason] ??= { records: 0, characters: 0 })];
    if (stratum) tallies.push((this.#stratum(stratum).dropped[reason] ??= { records: 0, characters: 0 }));
    for (const tally of tallies) {
      tally.records++;
      tally.characters += characters;
    }
  }

  repaired(fault: string): void {
    this.#repaired[fault] = (this.#repaired[fault] ?? 0) + 1;
  }

  /** Everything kept so far is on disk when this resolves. */
  async sync(): Promise<DatasetState> {
    const files: DatasetState["files"][number][] = [];
    for (const [path, { writer, records, characters }] of this.#files)
      files.push({ path, bytes: await writer.sync(), records, characters });
    const [dropped, repaired, strata] = [this.#dropped, this.#repaired, [...this.#strata.values()]];
    return structuredClone({ asked: this.#asked, read: this.#read, dropped, repaired, strata, files });
  }

  /** Closes the files of a dataset that will not be finished now. */
  async abandon(): Promise<void> {
    for (const { writer } of this.#files.values()) await writer.abandon();
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
      formatVersion: MANIFEST_VERSION,
      content: this.#content,
      ...facts,
      asked: this.#asked,
      read: this.#read,
      dropped: sortKeys(this.#dropped),
      repaired: sortKeys(this.#repaired),
      strata: [...this.#strata.values()]
        .sort((a, b) => compare(keyOf(a), keyOf(b)))
        .map((stratum) => ({ ...stratum, dropped: sortKeys(stratum.dropped) })),
      files,
    };
    await writeManifest(this.#directory, manifest);
    return manifest;
  }

  #stratum({ language, category, quality }: StratumName): StratumRecord {
    const name = { language, category, ...(quality === undefined ? {} : { quality }) };
    const key = keyOf(name);
    let stratum = this.#strata.get(key);
    if (!stratum) {
      stratum = { ...name, asked: 0, got: { records: 0, characters: 0 }, dropped: {} };
      this.#strata.set(key, stratum);
    }
    return stratum;
  }
}

const EMPTY: Omit<DatasetState, "files"> = {
  asked: 0,
  read: { records: 0, characters: 0 },
  dropped: {},
  repaired: {},
  strata: [],
};

const keyOf = ({ language, category, quality = "" }: StratumName): string =>
  `${language} ${category} ${quality}`;
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
