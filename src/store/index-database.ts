/**
 * The index: one LMDB environment, JSON values under [table, …key]. Reads are synchronous and cheap; all writes
 * are synchronous transactions, so a write that returned is on disk, and a killed writer leaves the last commit.
 * A file that turns out to be damaged is made anew from the journal, and what was asked is asked again.
 */
import { mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { RootDatabase } from "lmdb";
import { indexDamage } from "./index-file.ts";
import {
  checkedKey,
  DamagedPages,
  DamagedRecord,
  decodeValue,
  encodeValue,
  type IndexKey,
} from "./index-value.ts";
import { isOfDead, Journal, type IndexTransaction } from "./journal.ts";
import { compareJournal, type JournalComparison } from "./compare-journal.ts";
import { structureDamage } from "./index-structure.ts";
import { Changes, readJournal, replay } from "./journal-lines.ts";
import { UNJOURNALED } from "./journal-policy.ts";
import { Openers } from "./openers.ts";
import { inodeOf, isLmdbDamage, makeFiles, openLmdb, readRange, unreadable } from "./open-lmdb.ts";
import { PageRoom } from "./page-room.ts";
import { rebuildIndex, type IndexNotice } from "./rebuild-index.ts";

export type { IndexKey } from "./index-value.ts";

/** Sorts after every string that occurs in a key. */
const LAST = "\uffff";

export interface IndexEntry {
  readonly key: IndexKey;
  readonly value: unknown;
}

interface OpenFile {
  readonly database: RootDatabase<string, IndexKey>;
  readonly inode: bigint | undefined;
}

/** Another process has put a new file in place of the one that is open. */
class FileReplaced extends Error {}

export class IndexDatabase {
  readonly #path: string;
  readonly #journal: Journal;
  readonly #openers: Openers;
  #file: OpenFile;
  #notices: IndexNotice[] = [];
  #inTransaction = false;
  #lookedThrough = false;
  /** Records that fail their checksum are misses: there is no journal to take them from. */
  #tolerant = false;

  /** Creates the file where there is none. Throws `INDEX_UNREADABLE`. */
  constructor(path: string) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true });
    this.#journal = new Journal(join(dirname(path), "journal.jsonl"), () => this.#refuseDamage());
    this.#openers = new Openers(dirname(path));
    const died = this.#openers.dead();
    this.#file = this.#open(died.length > 0);
    this.#openers.forget(died);
  }

  get(key: IndexKey): unknown {
    return this.#guarded(() => {
      const text = this.#file.database.get(key);
      if (text !== undefined) return this.#decode(key, text);
      if (key[0] === "execution") this.#lookThrough();
      return undefined;
    });
  }

  /** All entries below a prefix, in key order. */
  entries(prefix: IndexKey, reverse = false): IndexEntry[] {
    const [start, end] = [prefix, [...prefix, LAST]];
    const range = reverse ? { start: end, end: start, reverse } : { start, end };
    return this.#guarded(() =>
      readRange(this.#file.database, range, prefix).flatMap(({ key, value: text }) => {
        const value = this.#decode(key, text);
        return value === undefined ? [] : [{ key, value }];
      }),
    );
  }

  /**
   * Runs `write` alone in the world, other processes included; nothing of it is seen before all of it is. Where the
   * file turns out to be damaged or replaced, `write` runs once more.
   */
  transaction<T>(
    write: (put: (key: IndexKey, value: unknown) => void, remove: (key: IndexKey) => void) => T,
  ): T {
    const changes = new Changes();
    let done: { readonly answer: T } | undefined;
    return this.#guarded(() => {
      if (done !== undefined) {
        // It is in the journal, and only its commit met the damage.
        this.#repeat(changes);
        return done.answer;
      }
      const { answer: result } = this.#transact((index) => {
        changes.clear();
        const answer = write(
          (key, value) => {
            index.put(key, value);
            changes.set(key, value);
          },
          (key) => {
            index.remove(key);
            changes.set(key, undefined);
          },
        );
        if (changes.size > 0) this.#journal.record(index, changes);
        return (done = { answer });
      });
      if (this.#isReplaced()) {
        this.#reopen();
        this.#repeat(changes);
      }
      return result;
    });
  }

  /** What a person must be told since the last call. */
  takeNotices(): readonly IndexNotice[] {
    const notices = this.#notices;
    this.#notices = [];
    return notices;
  }

  /** Reads all of both. */
  compareJournal(): JournalComparison & { readonly indexDamage: string | undefined } {
    const present = this.#journal.sizeBytes !== undefined;
    return { ...compareJournal(this, this.#journal.path, present), indexDamage: structureDamage(this.#path) };
  }

  /**
   * Makes the file anew where it is damaged, then completes it by what only the journal has, and writes the journal
   * anew. Where both have a record, the index is believed. Answers the keys that came back.
   */
  repair(): readonly IndexKey[] {
    return this.#guarded(() => {
      this.#refuseDamage();
      this.entries([]); // so that every record is read once
      return this.#transact((index) => {
        const content = readJournal(this.#journal.path);
        const missing = [...(content === undefined ? [] : replay(content))].filter(
          ({ key, value }) => !isOfDead(key, value) && index.get(key) === undefined,
        );
        for (const { key, value } of missing) index.put(key, value);
        for (const { key } of index.entries([UNJOURNALED])) index.remove(key);
        this.#journal.writeSnapshot(index);
        return missing.map(({ key }) => key);
      });
    });
  }

  async close(): Promise<void> {
    await this.#file.database.close();
    this.#openers.leave();
  }

  #transact<T>(work: (index: IndexTransaction) => T): T {
    const { database } = this.#file;
    this.#inTransaction = true;
    try {
      return database.transactionSync(() => {
        if (this.#isReplaced()) throw new FileReplaced();
        const room = new PageRoom(this.#path);
        const index: IndexTransaction = {
          get: (key) => this.get(key),
          entries: (prefix) => this.entries(prefix),
          put(key, value) {
            const text = encodeValue(key, value);
            room.take(Buffer.byteLength(text));
            database.putSync(key, text);
          },
          remove(key) {
            room.take(0);
            database.removeSync(key);
          },
        };
        this.#journal.catchUp(index);
        return work(index);
      });
    } finally {
      this.#inTransaction = false;
    }
  }

  /** What was committed to a file while another took its place is committed to that one too. */
  #repeat(changes: Changes): void {
    this.transaction((put, remove) => {
      for (const { key, value } of changes)
        if (value === undefined) remove(key);
        else put(key, value);
    });
  }

  /** Undefined: damaged, and counted as not there. */
  #decode(key: unknown, text: string): unknown {
    try {
      return decodeValue(checkedKey(key), text);
    } catch (error) {
      if (!this.#tolerant || !(error instanceof DamagedRecord)) throw error;
      const message = `${error.message}, and there is no journal to take it from: it counts as not there`;
      if (!this.#notices.some((notice) => notice.message === message))
        this.#notices.push({ code: "INDEX_RECORD_DAMAGED", message });
      return undefined;
    }
  }

  #guarded<T>(work: () => T): T {
    if (this.#inTransaction) return work();
    for (let attempt = 0; ; attempt++) {
      try {
        return work();
      } catch (error) {
        const replaced = error instanceof FileReplaced;
        const damaged =
          error instanceof DamagedRecord || error instanceof DamagedPages || isLmdbDamage(error);
        if (!replaced && !damaged) throw error;
        if (attempt === MAX_ATTEMPTS) throw unreadable(this.#path, "it is damaged again and again", error);
        if (error instanceof DamagedRecord && readJournal(this.#journal.path) === undefined)
          this.#tolerant = true;
        else {
          if (damaged) this.#rebuild(this.#file.inode, error.message);
          this.#reopen();
        }
      }
    }
  }

  /** Once, before the first miss is believed: it costs an execution, and reading the file costs little beside it. */
  #lookThrough(): void {
    if (this.#lookedThrough) return;
    this.#lookedThrough = true;
    this.#refuseDamage();
  }

  /** Throws `DamagedPages` where the journal can give more than the file. */
  #refuseDamage(): void {
    const wrong = structureDamage(this.#path);
    if (wrong !== undefined && readJournal(this.#journal.path) !== undefined) throw new DamagedPages(wrong);
  }

  #isReplaced(): boolean {
    return inodeOf(this.#path) !== this.#file.inode;
  }

  #reopen(): void {
    const { database } = this.#file;
    this.#file = this.#open();
    void database.close();
  }

  /** `thorough`: the whole file is looked through before it is mapped. */
  #open(thorough = false): OpenFile {
    this.#openers.enter();
    for (let attempt = 0; ; attempt++) {
      const wrong = this.#wrongBeforeOpening(thorough);
      if (wrong !== undefined)
        this.#notice(rebuildIndex(this.#path, this.#journal, () => this.#wrongBeforeOpening(thorough)));
      makeFiles(this.#path);
      const before = inodeOf(this.#path);
      const database = this.#tryOpen(before, attempt);
      if (database === undefined) continue;
      const inode = inodeOf(this.#path);
      if (before === undefined || before === inode) return { database, inode };
      void database.close(); // data of one file, locks of another
    }
  }

  /** Undefined where the file had to be made anew. */
  #tryOpen(inode: bigint | undefined, attempt: number): RootDatabase<string, IndexKey> | undefined {
    try {
      return openLmdb(this.#path);
    } catch (cause) {
      const what = cause instanceof Error ? cause.message : String(cause);
      if (!isLmdbDamage(cause) || attempt === MAX_ATTEMPTS) throw unreadable(this.#path, what, cause);
      this.#rebuild(inode, what);
      return undefined;
    }
  }

  /** `inode`: of the file in which the damage was found; another one is the work of another process. */
  #rebuild(inode: bigint | undefined, wrong: string): void {
    const stillNeeded = (): string | undefined => (inodeOf(this.#path) === inode ? wrong : undefined);
    this.#notice(rebuildIndex(this.#path, this.#journal, stillNeeded));
  }

  #notice(notice: IndexNotice | undefined): void {
    if (notice) this.#notices.push(notice);
  }

  #wrongBeforeOpening(thorough: boolean): string | undefined {
    const size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
    if (size > 0) return indexDamage(this.#path) ?? (thorough ? structureDamage(this.#path) : undefined);
    return this.#journal.sizeBytes === undefined ? undefined : "it is gone or empty";
  }
}

const MAX_ATTEMPTS = 3;
