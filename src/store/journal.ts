/**
 * cache/journal.jsonl: what transactions changed, appended before they commit, so that the index can be made anew
 * from it. All of it happens inside the index's write transaction: one writer at a time. docs/adr/0018.
 */
import { closeSync, fsyncSync, openSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isAlive, type ProcessIdentity } from "../std/process-identity.ts";
import { syncFolderNow } from "../std/sync-folder.ts";
import type { IndexKey } from "./index-value.ts";
import { encodeLine, headerLine, readJournal, replay, type Changes } from "./journal-lines.ts";
import { JOURNAL_MARK, UNJOURNALED, urgencyOf } from "./journal-policy.ts";

/** The index as its write transaction sees it. */
export interface IndexTransaction {
  get(key: IndexKey): unknown;
  entries(prefix: IndexKey): Iterable<{ readonly key: IndexKey; readonly value: unknown }>;
  put(key: IndexKey, value: unknown): void;
  remove(key: IndexKey): void;
}

/** How far the journal went when the index was last committed. */
interface JournalMark {
  readonly seq: number;
  readonly bytes: number;
  /** Of the snapshot that it began with. */
  readonly snapshotBytes: number;
}

/** Of a journal that must be looked through before it is believed again. */
export const unknownMark = (seq: number): JournalMark => ({ seq, bytes: -1, snapshotBytes: 0 });

const SNAPSHOT_FACTOR = 4;
/** Below this size a snapshot saves nothing worth its fsync. */
const SMALL_BYTES = 64 * 1024;

export class Journal {
  readonly path: string;

  readonly #refuseDamage: () => void;

  /** `refuseDamage`: throws where the index lacks records, which a snapshot would drop from the journal as well. */
  constructor(path: string, refuseDamage: () => void) {
    this.path = path;
    this.#refuseDamage = refuseDamage;
  }

  get sizeBytes(): number | undefined {
    return statSync(this.path, { throwIfNoEntry: false })?.size;
  }

  /**
   * First in a transaction. A line whose transaction did not commit is committed here: everything later is
   * built on what it says. Reads the journal only where its size is not the one that the index knows.
   */
  catchUp(index: IndexTransaction): void {
    const mark = markOf(index);
    const size = this.sizeBytes;
    if (size === undefined || size === mark?.bytes) return;
    const content = readJournal(this.path);
    if (mark === undefined) {
      // An index that knows of no journal may be the newer of the two: it is completed, not changed.
      for (const { key, value } of content === undefined ? [] : replay(content))
        if (index.get(key) === undefined) index.put(key, value);
    } else
      for (const { put, remove } of content?.lines.filter(({ seq }) => seq > mark.seq) ?? []) {
        for (const [key, value] of put) index.put(key, value);
        for (const key of remove) index.remove(key);
      }
    index.put(JOURNAL_MARK, unknownMark(Math.max(mark?.seq ?? 0, content?.lastSeq ?? 0)));
  }

  /** Last in a transaction: what returned from here is on disk where it must be. */
  record(index: IndexTransaction, changes: Changes): void {
    const urgencies = new Set([...changes].map(({ key, value }) => urgencyOf(key, value)));
    if (!urgencies.has("synced") && !urgencies.has("unsynced")) {
      for (const { key, value } of changes)
        if (urgencyOf(key, value) === "later") index.put([UNJOURNALED, ...key], 1);
      return;
    }
    const waiting = [...index.entries([UNJOURNALED])].map(({ key }) => key);
    for (const key of waiting) {
      changes.set(key.slice(1), index.get(key.slice(1)));
      index.remove(key);
    }
    const mark = markOf(index);
    const fits = mark !== undefined && mark.bytes <= SNAPSHOT_FACTOR * mark.snapshotBytes + SMALL_BYTES;
    if (fits && this.sizeBytes === mark.bytes) this.#append(index, changes, mark, urgencies.has("synced"));
    else this.writeSnapshot(index);
  }

  #append(index: IndexTransaction, changes: Changes, mark: JournalMark, synced: boolean): void {
    const seq = mark.seq + 1;
    const journaled = [...changes].filter(({ key, value }) => urgencyOf(key, value) !== "never");
    const line = Buffer.from(encodeLine(seq, journaled));
    const file = openSync(this.path, "a");
    try {
      writeFileSync(file, line);
      if (synced) fsyncSync(file);
    } finally {
      closeSync(file);
    }
    index.put(JOURNAL_MARK, { ...mark, seq, bytes: mark.bytes + line.byteLength });
  }

  /** Inside a transaction: a new journal of what the index holds, in place of the old one. */
  writeSnapshot(index: IndexTransaction): void {
    this.#refuseDamage();
    const seq = (markOf(index)?.seq ?? 0) + 1;
    const temporary = `${this.path}.tmp`; // one writer at a time
    const file = openSync(temporary, "w");
    let bytes = 0;
    try {
      let pending = headerLine(seq);
      const flush = (): void => {
        const data = Buffer.from(pending);
        writeFileSync(file, data);
        bytes += data.byteLength;
        pending = "";
      };
      for (const entry of lastingEntries(index)) {
        // One line for each: what is damaged later costs one record.
        pending += encodeLine(seq, [entry]);
        if (pending.length > SNAPSHOT_CHUNK) flush();
      }
      flush();
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, this.path);
    syncFolderNow(dirname(this.path));
    index.put(JOURNAL_MARK, { seq, bytes, snapshotBytes: bytes } satisfies JournalMark);
  }
}

const SNAPSHOT_CHUNK = 1 << 20;

const markOf = (index: IndexTransaction): JournalMark | undefined =>
  index.get(JOURNAL_MARK) as JournalMark | undefined;

/** What a journal is to hold: without what is made again by looking, and without notes of processes that died. */
export function* lastingEntries(index: {
  entries: IndexTransaction["entries"];
}): Generator<{ readonly key: IndexKey; readonly value: unknown }> {
  for (const { key, value } of index.entries([]))
    if (urgencyOf(key, value) !== "never" && !isOfDead(key, value)) yield { key, value };
}

/** Whether a record is the lock or claim of a process that is dead. */
export function isOfDead([table]: IndexKey, value: unknown): boolean {
  if (table === "claim") return !isAlive(value as ProcessIdentity);
  return table === "lock" && !isAlive((value as { readonly process: ProcessIdentity }).process);
}
