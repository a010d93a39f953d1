/**
 * Moves a damaged index aside and makes it anew from the journal; one process at a time, in a write transaction of an
 * environment of its own, which the system ends when its holder is killed (as locks are: docs/adr/0012).
 */
import { copyFileSync, existsSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { syncFolderNow } from "../std/sync-folder.ts";
import { encodeValue, type IndexKey } from "./index-value.ts";
import { indexDamage } from "./index-file.ts";
import { isOfDead, unknownMark, type Journal } from "./journal.ts";
import { readJournal, replay } from "./journal-lines.ts";
import { JOURNAL_MARK } from "./journal-policy.ts";
import { makeFiles, openLmdb } from "./open-lmdb.ts";
import { PageRoom } from "./page-room.ts";

/** What a person is told of an index that was not whole. */
export interface IndexNotice {
  readonly code: "INDEX_REBUILT" | "INDEX_LOST" | "INDEX_RECORD_DAMAGED";
  readonly message: string;
}

/**
 * `stillNeeded`: asked when no other process can rebuild; undefined where another has, else what is wrong, as half a
 * sentence. Answers undefined where nothing was to do.
 */
export function rebuildIndex(
  path: string,
  journal: Journal,
  stillNeeded: () => string | undefined,
): IndexNotice | undefined {
  return alone(join(dirname(path), "recovery.mdb"), () => {
    const wrong = stillNeeded();
    return wrong === undefined ? undefined : rebuild(path, journal, wrong);
  });
}

function alone<T>(lockPath: string, work: () => T): T {
  if (indexDamage(lockPath) !== undefined) remove(lockPath);
  makeFiles(lockPath);
  const lock = openLmdb(lockPath);
  try {
    return lock.transactionSync(work);
  } finally {
    void lock.close();
  }
}

function rebuild(path: string, journal: Journal, wrong: string): IndexNotice {
  const content = readJournal(journal.path);
  const next = `${path}.next`;
  remove(next); // of one that was killed
  makeFiles(next);
  const database = openLmdb(next);
  let [records, executions] = [0, 0];
  database.transactionSync(() => {
    const room = new PageRoom(next);
    const put = (key: IndexKey, value: unknown): void => {
      const text = encodeValue(key, value);
      room.take(Buffer.byteLength(text));
      database.putSync(key, text);
    };
    for (const { key, value } of content === undefined ? [] : replay(content)) {
      if (isOfDead(key, value)) continue;
      put(key, value);
      records++;
      if (key[0] === "execution") executions++;
    }
    if (content) put(JOURNAL_MARK, unknownMark(content.lastSeq));
  });
  void database.close();

  const aside = existsSync(path) ? free(`${path}.damaged`) : undefined;
  if (aside !== undefined) renameSync(path, aside);
  // Who has the old file open keeps its lock file with it: the new file begins with one of its own.
  rmSync(`${path}-lock`, { force: true });
  rmSync(`${next}-lock`, { force: true });
  renameSync(next, path);
  syncFolderNow(dirname(path));

  const kept = aside === undefined ? "" : `; the damaged file is ${basename(aside)}`;
  if (content === undefined)
    return {
      code: "INDEX_LOST",
      message:
        `the index ${path} could not be read (${wrong}), and there is no journal to make it anew from: ` +
        `stages run again${kept}. Artifacts stay in objects/; npx pipeline check lists them`,
    };
  const { damaged } = content;
  if (damaged > 0) copyFileSync(journal.path, free(`${journal.path}.damaged`));
  const lost =
    damaged === 0 ? "" : `, ${damaged} ${damaged === 1 ? "line" : "lines"} of which could not be read`;
  return {
    code: "INDEX_REBUILT",
    message:
      `the index ${path} could not be read (${wrong}) and was made anew from the journal${lost}: ` +
      `${records} records, ${executions} of them finished executions${kept}`,
  };
}

/** The first of `<path>-1`, `<path>-2`, … that is not there. */
function free(path: string): string {
  for (let number = 1; ; number++) if (!existsSync(`${path}-${number}`)) return `${path}-${number}`;
}

function remove(path: string): void {
  rmSync(path, { force: true });
  rmSync(`${path}-lock`, { force: true });
}
