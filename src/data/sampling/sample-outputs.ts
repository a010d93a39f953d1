/**
 * The four datasets a sample writes, open at once: a corpus (train and held-out), conversations, preferences and
 * questions. Deduplicates documents and puts each on its side of the split; samplers decide what arrives here.
 */
import { PipelineError } from "../../errors.ts";
import { CORPUS_FILES, DatasetWriter, RECORDS_FILE } from "../documents/dataset.ts";
import { DigestSet } from "../documents/digest-set.ts";
import type { Manifest, SourceRecord } from "../documents/manifest.ts";
import { contentDigest, splitOfDigest } from "../documents/split.ts";
import type { Conversation, DataDocument, Language, PreferencePair, Question } from "../records.ts";

export interface SampleDirectories {
  readonly corpusDir: string;
  readonly chatDir: string;
  readonly preferencesDir: string;
  readonly questionsDir: string;
}

export interface SampleManifests {
  readonly corpus: Manifest;
  readonly conversations: Manifest;
  readonly preferences: Manifest;
  readonly questions: Manifest;
}

type Shortfalls = "report" | "fail";

export class SampleOutputs {
  readonly corpus: DatasetWriter;
  readonly conversations: DatasetWriter;
  readonly preferences: DatasetWriter;
  readonly questions: DatasetWriter;
  readonly #seen = new DigestSet();
  readonly #heldOutFraction: number;
  readonly #onShortfall: Shortfalls;
  readonly #notes = new Map<DatasetWriter, string[]>();

  private constructor(
    [corpus, conversations, preferences, questions]: readonly [
      DatasetWriter,
      DatasetWriter,
      DatasetWriter,
      DatasetWriter,
    ],
    heldOutFraction: number,
    onShortfall: Shortfalls,
  ) {
    this.corpus = corpus;
    this.conversations = conversations;
    this.preferences = preferences;
    this.questions = questions;
    this.#heldOutFraction = heldOutFraction;
    this.#onShortfall = onShortfall;
  }

  static async create(
    directories: SampleDirectories,
    heldOutFraction: number,
    onShortfall: Shortfalls,
  ): Promise<SampleOutputs> {
    const writers = await Promise.all([
      DatasetWriter.create(directories.corpusDir, "documents"),
      DatasetWriter.create(directories.chatDir, "conversations"),
      DatasetWriter.create(directories.preferencesDir, "preferences"),
      DatasetWriter.create(directories.questionsDir, "questions"),
    ]);
    return new SampleOutputs(writers, heldOutFraction, onShortfall);
  }

  /** False where the same text (normalised) was there before; it is then counted as dropped. */
  async addDocument(document: DataDocument, digest = contentDigest(document.text)): Promise<boolean> {
    if (!this.#seen.add(digest)) {
      this.corpus.drop("duplicate", document.text.length);
      return false;
    }
    const split = splitOfDigest(digest, this.#heldOutFraction);
    await this.corpus.keep(CORPUS_FILES[split], document.category, document);
    return true;
  }

  async addRecord(
    writer: DatasetWriter,
    category: string,
    record: Conversation | PreferencePair | Question,
  ): Promise<void> {
    await writer.keep(RECORDS_FILE, category, record);
  }

  /** Throws SHORTFALL where the recipe says so; else it becomes a note in the manifest. */
  shortfall(writer: DatasetWriter, what: string, asked: number, got: number): void {
    if (got >= asked) return;
    const message = `${what}: ${got} of ${asked} asked`;
    if (this.#onShortfall === "fail") {
      throw new PipelineError({
        code: "SHORTFALL",
        message: `The sources hold too little of ${message}.`,
        hint: "Ask for less, name more categories or qualities, or set onShortfall: report.",
      });
    }
    const notes = this.#notes.get(writer);
    if (notes) notes.push(message);
    else this.#notes.set(writer, [message]);
  }

  shortfallOfCorpus(language: Language, source: string, asked: number, got: number): void {
    this.shortfall(this.corpus, `characters of ${language} text from ${source}`, Math.floor(asked), got);
  }

  abandon(): void {
    for (const writer of [this.corpus, this.conversations, this.preferences, this.questions])
      writer.abandon();
  }

  async finish(seed: number, sources: readonly SourceRecord[]): Promise<SampleManifests> {
    const finish = (writer: DatasetWriter): Promise<Manifest> =>
      writer.finish({ seed, sources: [...sources], notes: this.#notes.get(writer) ?? [] });
    return {
      corpus: await finish(this.corpus),
      conversations: await finish(this.conversations),
      preferences: await finish(this.preferences),
      questions: await finish(this.questions),
    };
  }
}
