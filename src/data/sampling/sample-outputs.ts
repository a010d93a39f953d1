/**
 * The four datasets a sample writes, open at once: a corpus (train and held-out), conversations, preferences and
 * questions. Every document of every source passes here: filters, deduplication, its side of the split. Samplers decide
 * what arrives.
 */
import { copyFile, link, mkdir, rm, stat } from "node:fs/promises";
import { constants } from "node:fs";
import { join } from "node:path";
import { PipelineError } from "../../errors.ts";
import type { AppendOptions } from "../../std/append-file.ts";
import {
  CORPUS_FILES,
  DatasetWriter,
  readPreferences,
  readQuestions,
  RECORDS_FILE,
  type DatasetState,
} from "../documents/dataset.ts";
import { MANIFEST_FILE, type Manifest, type SourceRecord } from "../documents/manifest.ts";
import { isHeldOutPair, splitOfDigest } from "../documents/split.ts";
import type { Conversation, DataDocument, Language, PreferencePair, Question } from "../records.ts";
import { Decontamination } from "./filters/decontamination.ts";
import { DocumentFilter, type Examined, type Fingerprints } from "./filters/document-filter.ts";
import { FingerprintLog } from "./filters/fingerprint-log.ts";
import { loadFlaggedTerms, type FlaggedTerms } from "./filters/flagged-terms.ts";
import { SeenDocuments, type Duplicate } from "./filters/seen-documents.ts";
import type { DownloadSampleParams } from "./sample-params.ts";

const CONTENTS = {
  corpus: "documents",
  conversations: "conversations",
  preferences: "preferences",
  questions: "questions",
} as const;
type DatasetName = keyof typeof CONTENTS;
const NAMES = Object.keys(CONTENTS) as DatasetName[];
const SEEN_FILE = "seen.bin";
const FIRST_PASS_FILE = "first-pass.bin";

/** Where each dataset goes when it is whole. */
export type SampleDirectories = Readonly<Record<DatasetName, string>>;
export type SampleManifests = Readonly<Record<DatasetName, Manifest>>;
export type OutputParams = Pick<DownloadSampleParams, "heldOutFraction" | "onShortfall" | "filters">;

/** What was written and counted so far. Plain JSON. */
export type OutputsState = Readonly<Record<DatasetName, DatasetState>> & {
  readonly seenBytes: number;
  readonly notes: Readonly<Record<DatasetName, readonly string[]>>;
};

export class SampleOutputs {
  readonly corpus: DatasetWriter;
  readonly conversations: DatasetWriter;
  readonly preferences: DatasetWriter;
  readonly questions: DatasetWriter;
  readonly #directory: string;
  readonly #params: OutputParams;
  readonly #notes: Readonly<Record<DatasetName, string[]>>;
  readonly #seen: SeenDocuments;
  readonly #seenLog: FingerprintLog;
  readonly #flagged: FlaggedTerms | undefined;
  #filter: DocumentFilter;
  #firstPass: FingerprintLog | undefined;

  private constructor(
    directory: string,
    params: OutputParams,
    writers: Readonly<Record<DatasetName, DatasetWriter>>,
    flagged: FlaggedTerms | undefined,
    state: OutputsState | undefined,
  ) {
    ({
      corpus: this.corpus,
      conversations: this.conversations,
      preferences: this.preferences,
      questions: this.questions,
    } = writers);
    this.#directory = directory;
    this.#params = params;
    const noted = (name: DatasetName): string[] => [...(state?.notes[name] ?? [])];
    this.#notes = {
      corpus: noted("corpus"),
      conversations: noted("conversations"),
      preferences: noted("preferences"),
      questions: noted("questions"),
    };
    this.#seen = this.newSeenDocuments();
    this.#seenLog = this.#fingerprintLog(SEEN_FILE, { resumeAt: state?.seenBytes });
    this.#flagged = flagged;
    this.#filter = new DocumentFilter(params.filters, { flagged });
  }

  /**
   * Writes below `directory`, which it has for itself. With a state, goes on from there; throws SAMPLE_DAMAGED where the
   * files are shorter than that, and what `loadFlaggedTerms` does.
   */
  static async create(directory: string, params: OutputParams, state?: OutputsState): Promise<SampleOutputs> {
    if (state) await refuseShorter(directory, state);
    else await rm(directory, { recursive: true, force: true });
    const writers: Partial<Record<DatasetName, DatasetWriter>> = {};
    for (const name of NAMES)
      writers[name] = await DatasetWriter.create(join(directory, name), CONTENTS[name], state?.[name]);
    const { flagged } = params.filters;
    const outputs = new SampleOutputs(
      directory,
      params,
      writers as Readonly<Record<DatasetName, DatasetWriter>>,
      flagged && (await loadFlaggedTerms(flagged)),
      state,
    );
    if (state)
      for await (const fingerprints of outputs.#seenLog.read(state.seenBytes))
        outputs.#seen.add(fingerprints);
    return outputs;
  }

  #fingerprintLog(name: string, options?: AppendOptions): FingerprintLog {
    const bands = this.#params.filters.nearDuplicates?.bands ?? 0;
    return new FingerprintLog(join(this.#directory, name), bands, options);
  }

  /** An empty log for what the first of two passes over a source finds; until `closeFirstPass`, or the next. */
  async openFirstPass(): Promise<FingerprintLog> {
    await this.closeFirstPass();
    return (this.#firstPass = this.#fingerprintLog(FIRST_PASS_FILE));
  }

  async closeFirstPass(): Promise<void> {
    await this.#firstPass?.abandon();
    this.#firstPass = undefined;
    await rm(join(this.#directory, FIRST_PASS_FILE), { force: true }); // also that of a process that was killed
  }

  /** A set as empty as this sample's own was at its beginning. */
  newSeenDocuments(): SeenDocuments {
    return new SeenDocuments(this.#params.filters.nearDuplicates);
  }

  /** From here on documents are held against the questions and held-out preference pairs that were written so far. */
  async decontaminate(): Promise<void> {
    const { decontamination } = this.#params.filters;
    if (!decontamination) return;
    const evaluation = new Decontamination(decontamination);
    await Promise.all([this.questions.sync(), this.preferences.sync()]);
    for await (const question of readQuestions(join(this.#directory, "questions")))
      evaluation.addQuestion(question);
    for await (const pair of readPreferences(join(this.#directory, "preferences"))) {
      if (isHeldOutPair(pair, decontamination.heldOutPreferences)) evaluation.addPreference(pair);
    }
    this.#filter = new DocumentFilter(this.#params.filters, { evaluation, flagged: this.#flagged });
    const { texts, tooShort } = evaluation;
    const message = `${tooShort} of ${texts} evaluation texts are too short to be looked for`;
    if (tooShort > 0 && !this.#notes.corpus.includes(message)) this.note(this.corpus, message);
  }

  /** What the filters find. Whether the text was there before is asked by `addDocument`. */
  examine(document: Pick<DataDocument, "text" | "language">): Examined {
    return this.#filter.examine(document);
  }

  /** Whether the text, or nearly the same, is among what was kept. */
  findDuplicate(fingerprints: Fingerprints): Duplicate | undefined {
    return this.#seen.find(fingerprints);
  }

  /** False where a filter takes it or the same text, or nearly, was there before; it is then counted as dropped. */
  async addDocument(
    document: DataDocument,
    quality?: string,
    examined = this.#filter.examine(document),
  ): Promise<boolean> {
    const { language, category } = document;
    const stratum = { language, category, quality };
    const drop = (fault: string): false => {
      this.corpus.drop(fault, document.text.length, stratum);
      return false;
    };
    if ("fault" in examined) return drop(examined.fault);
    const duplicate = this.#seen.find(examined);
    if (duplicate !== undefined) return drop(duplicate);
    this.#seen.add(examined);
    await this.#seenLog.append(examined);
    const split = splitOfDigest(examined.digest, this.#params.heldOutFraction);
    await this.corpus.keep(CORPUS_FILES[split], stratum, document);
    return true;
  }

  async addRecord(
    writer: DatasetWriter,
    category: string,
    record: Conversation | PreferencePair | Question,
  ): Promise<void> {
    await writer.keep(RECORDS_FILE, { language: record.language, category }, record);
  }

  /** For the manifest: what a person should know. */
  note(writer: DatasetWriter, message: string): void {
    const name = NAMES.find((one) => this[one] === writer);
    if (name) this.#notes[name].push(message);
  }

  /** Throws SHORTFALL where the recipe says so; else it becomes a note in the manifest. */
  shortfall(writer: DatasetWriter, what: string, asked: number, got: number): void {
    if (got >= asked) return;
    const message = `${what}: ${got} of ${asked} asked`;
    if (this.#params.onShortfall === "fail") {
      throw new PipelineError({
        code: "SHORTFALL",
        message: `The sources hold too little of ${message}.`,
        hint: "Ask for less, name more categories or qualities, or set onShortfall: report.",
        kind: "user",
      });
    }
    this.note(writer, message);
  }

  shortfallOfCorpus(language: Language, source: string, asked: number, got: number): void {
    this.shortfall(this.corpus, `characters of ${language} text from ${source}`, Math.floor(asked), got);
  }

  /** Everything kept so far is on disk when this resolves. */
  async sync(): Promise<OutputsState> {
    return {
      corpus: await this.corpus.sync(),
      conversations: await this.conversations.sync(),
      preferences: await this.preferences.sync(),
      questions: await this.questions.sync(),
      seenBytes: await this.#seenLog.sync(),
      notes: structuredClone(this.#notes),
    };
  }

  async abandon(): Promise<void> {
    for (const name of NAMES) await this[name].abandon();
    await this.#seenLog.abandon();
    await this.closeFirstPass();
  }

  /** Writes the manifests and puts the datasets into `directories`, which it makes anew. May be called again after a kill. */
  async finish(
    seed: number,
    sources: readonly SourceRecord[],
    directories: SampleDirectories,
  ): Promise<SampleManifests> {
    await this.#seenLog.close();
    const manifests: Partial<Record<DatasetName, Manifest>> = {};
    for (const name of NAMES) {
      const manifest = await this[name].finish({ seed, sources: [...sources], notes: this.#notes[name] });
      const files = [...manifest.files.map(({ path }) => path), MANIFEST_FILE];
      await place(join(this.#directory, name), directories[name], files);
      manifests[name] = manifest;
    }
    return manifests as SampleManifests;
  }
}

/** As links where the file system can: the originals go with the work directory. */
async function place(from: string, to: string, files: readonly string[]): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await mkdir(to, { recursive: true });
  for (const file of files) {
    try {
      await link(join(from, file), join(to, file));
    } catch {
      await copyFile(join(from, file), join(to, file), constants.COPYFILE_FICLONE);
    }
  }
}

async function refuseShorter(directory: string, state: OutputsState): Promise<void> {
  const expected = [
    { path: SEEN_FILE, bytes: state.seenBytes },
    ...NAMES.flatMap((name) =>
      state[name].files.map(({ path, bytes }) => ({ path: join(name, path), bytes })),
    ),
  ];
  for (const { path, bytes } of expected) {
    const { size } = await stat(join(directory, path)).catch(() => ({ size: -1 }));
    if (size >= bytes) continue;
    throw new PipelineError({
      code: "SAMPLE_DAMAGED",
      message: `${join(directory, path)} is shorter than the ${bytes} bytes that were written to it.`,
      hint: "The sample begins anew.",
    });
  }
}
