/**
 * Stats and digests of files outside the store, so that unchanged ones are not read again: cache/stats/, one file
 * for each file or folder that a stage names. A convenience: what is lost or damaged is hashed anew.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { StatMemory } from "../hashing/local-files.ts";
import { decodeStatRecords, encodeStatRecords, type StatRecords } from "../hashing/stat-records.ts";
import { digestOf } from "../std/digest.ts";
import { writeFileAtomic } from "../std/write-file-atomic.ts";

export class StatCache implements StatMemory {
  readonly #directory: string;
  readonly #known = new Map<string, StatRecords | undefined>();
  readonly #unsaved = new Set<string>();

  constructor(cacheDirectory: string) {
    this.#directory = join(cacheDirectory, "stats");
  }

  recall(path: string): StatRecords | undefined {
    if (!this.#known.has(path)) {
      const file = this.#fileOf(path);
      this.#known.set(path, existsSync(file) ? decodeStatRecords(readFileSync(file)) : undefined);
    }
    return this.#known.get(path);
  }

  /** Kept in memory: a plan writes nothing. */
  remember(path: string, records: StatRecords): void {
    this.#known.set(path, records);
    this.#unsaved.add(path);
  }

  /** Writes what is new. */
  async save(): Promise<void> {
    for (const path of this.#unsaved) {
      const records = this.#known.get(path);
      if (records === undefined) continue;
      mkdirSync(this.#directory, { recursive: true });
      await writeFileAtomic(this.#fileOf(path), encodeStatRecords(records));
    }
    this.#unsaved.clear();
  }

  /** Absolute paths of what is kept for files and folders that are not `named`, absolute as well. */
  recordsBeside(named: Iterable<string>): readonly string[] {
    if (!existsSync(this.#directory)) return [];
    const kept = new Set([...named].map((path) => this.#fileOf(path)));
    return readdirSync(this.#directory)
      .map((name) => join(this.#directory, name))
      .filter((file) => !kept.has(file));
  }

  #fileOf(path: string): string {
    return join(this.#directory, digestOf(path));
  }
}
