/**
 * What an interrupted sample goes on from: which tasks are done, where the others stand, and how far the outputs had been
 * written. Kept in one small file that is replaced as a whole; whatever the outputs hold beyond it is dropped.
 */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../std/write-file-atomic.ts";
import type { SourceRecord } from "../documents/manifest.ts";
import { sourceChanged } from "../sources/remote-file.ts";
import type { OutputsState, SampleOutputs } from "./sample-outputs.ts";

const FORMAT_VERSION = 2;
const FILE = "checkpoint.json";

interface TaskRecord {
  readonly done: boolean;
  /** In the task's own form. */
  readonly state?: unknown;
  readonly sources: readonly SourceRecord[];
}

export interface SavedSample {
  readonly formatVersion: number;
  /** Of the params: another recipe does not go on from here. */
  readonly identity: string;
  readonly step: number;
  readonly tasks: Readonly<Record<string, TaskRecord>>;
  /** Revisions by what was asked for: the whole sample reads it there. */
  readonly pins: Readonly<Record<string, string>>;
  readonly outputs: OutputsState;
}

/** Undefined where there is nothing to go on from. */
export async function loadCheckpoint(directory: string, identity: string): Promise<SavedSample | undefined> {
  let saved: SavedSample;
  try {
    saved = JSON.parse(await readFile(join(directory, FILE), "utf8")) as SavedSample;
  } catch {
    return undefined;
  }
  return saved.formatVersion === FORMAT_VERSION && saved.identity === identity ? saved : undefined;
}

export interface CheckpointOptions {
  readonly directory: string;
  readonly identity: string;
  readonly outputs: SampleOutputs;
  readonly saved: SavedSample | undefined;
  /** A step is safely on disk. */
  readonly onCheckpoint?: ((step: number) => void) | undefined;
}

export class SampleCheckpoint {
  readonly #options: CheckpointOptions;
  readonly #tasks: Record<string, TaskRecord>;
  readonly #pins: Map<string, string>;
  #step: number;

  constructor(options: CheckpointOptions) {
    this.#options = options;
    this.#tasks = { ...options.saved?.tasks };
    this.#pins = new Map(Object.entries(options.saved?.pins ?? {}));
    this.#step = options.saved?.step ?? 0;
  }

  /** Names tell tasks apart. */
  task(name: string): SampleTask {
    const keep = async (record: TaskRecord): Promise<void> => {
      this.#tasks[name] = record;
      await this.#write();
    };
    const discard = (): Promise<void> => rm(join(this.#options.directory, FILE), { force: true });
    return new SampleTask(this.#tasks[name] ?? { done: false, sources: [] }, {
      pins: this.#pins,
      keep,
      discard,
    });
  }

  async #write(): Promise<void> {
    const { directory, identity, outputs, onCheckpoint } = this.#options;
    const saved: SavedSample = {
      formatVersion: FORMAT_VERSION,
      identity,
      step: ++this.#step,
      tasks: this.#tasks,
      pins: Object.fromEntries(this.#pins),
      outputs: await outputs.sync(),
    };
    await writeFileAtomic(join(directory, FILE), JSON.stringify(saved));
    onCheckpoint?.(saved.step);
  }
}

interface TaskKeeper {
  /** Of all tasks. */
  readonly pins: Map<string, string>;
  readonly keep: (record: TaskRecord) => Promise<void>;
  /** The sample cannot be gone on with. */
  readonly discard: () => Promise<void>;
}

/** One source's documents, or its records. */
export class SampleTask {
  readonly #before: TaskRecord;
  readonly #keeper: TaskKeeper;
  #sources: readonly SourceRecord[];

  constructor(before: TaskRecord, keeper: TaskKeeper) {
    this.#before = before;
    this.#keeper = keeper;
    this.#sources = before.sources;
  }

  get done(): boolean {
    return this.#before.done;
  }

  /** What `save` was last given, by this process or one before. */
  get state(): unknown {
    return this.#before.state;
  }

  /** The revision at which this sample reads what is asked for, by this task or another, now or in an earlier process. */
  pinned(asked: string): string | undefined {
    return this.#keeper.pins.get(asked);
  }

  /** Throws SOURCE_CHANGED where the sample holds another revision of the same already; the next one begins anew. */
  async pin(asked: string, revision: string, name: string): Promise<void> {
    const before = this.pinned(asked);
    if (before !== undefined && before !== revision) {
      await this.#keeper.discard();
      throw sourceChanged(name, `a part of the sample is of ${before}, and it is ${revision} now`);
    }
    this.#keeper.pins.set(asked, revision);
  }

  /** What was read, by all processes together. */
  get sources(): readonly SourceRecord[] {
    return this.#sources;
  }

  /** `state`: plain JSON that stands for the outputs as they are now. `sources`: what this process read. */
  async save(state: unknown, sources: readonly SourceRecord[]): Promise<void> {
    this.#sources = mergeSources(this.#before.sources, sources);
    await this.#keeper.keep({ done: false, state, sources: this.#sources });
  }

  async finish(sources: readonly SourceRecord[]): Promise<void> {
    this.#sources = mergeSources(this.#before.sources, sources);
    await this.#keeper.keep({ done: true, sources: this.#sources });
  }
}

/** Sources by name, the files of both sides by path. */
function mergeSources(before: readonly SourceRecord[], now: readonly SourceRecord[]): SourceRecord[] {
  const merged = new Map(before.map((source) => [source.name, source]));
  for (const source of now) {
    const files = new Map(
      [...(merged.get(source.name)?.files ?? []), ...(source.files ?? [])].map((file) => [file.path, file]),
    );
    const sorted = [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    merged.set(source.name, source.files ? { ...source, files: sorted } : source);
  }
  return [...merged.values()];
}
