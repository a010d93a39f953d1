/** Journal against index, record by record, for `check`; a run never asks. */
import { JOURNAL_MARK, UNJOURNALED, urgencyOf } from "./journal-policy.ts";
import { isOfDead, type IndexTransaction } from "./journal.ts";
import { Changes, readJournal, replay } from "./journal-lines.ts";

export interface JournalComparison {
  /** `absent`: none was written yet; `unreadable`: no line of it can be read. */
  readonly state: "absent" | "unreadable" | "read";
  readonly damagedLines: number;
  /** Transactions that the next writer takes over: their processes were killed just before they committed. */
  readonly ahead: number;
  /** Keys of records that the journal has and the index has not. */
  readonly onlyInJournal: readonly string[];
  /** Keys of records that the journal has not, or has with another value. */
  readonly notInJournal: readonly string[];
}

export function compareJournal(
  index: Pick<IndexTransaction, "get" | "entries">,
  path: string,
  present: boolean,
): JournalComparison {
  const content = readJournal(path);
  const none = { damagedLines: 0, ahead: 0, onlyInJournal: [], notInJournal: [] };
  if (content === undefined) return { state: present ? "unreadable" : "absent", ...none };
  const mark = index.get(JOURNAL_MARK) as { readonly seq: number } | undefined;
  const ahead = content.lines.filter(({ seq }) => seq > (mark?.seq ?? 0));
  const journaled = [...replay(content)];
  const journal = new Map(journaled.map(({ key, value }) => [textOf(key), value]));
  const waiting = new Set([...index.entries([UNJOURNALED])].map(({ key }) => textOf(key.slice(1))));
  // As the next writer will leave it.
  const caughtUp = new Changes();
  for (const { key, value } of index.entries([]))
    if (urgencyOf(key, value) !== "never") caughtUp.set(key, value);
  for (const { put, remove } of ahead) {
    for (const [key, value] of put) caughtUp.set(key, value);
    for (const key of remove) caughtUp.set(key, undefined);
  }
  const entries = [...caughtUp].filter(({ value }) => value !== undefined);
  const indexed = new Set(entries.map(({ key }) => textOf(key)));
  return {
    state: "read",
    damagedLines: content.damaged,
    ahead: new Set(ahead.map(({ seq }) => seq)).size,
    // An index that was made anew has no notes of processes that died.
    onlyInJournal: journaled
      .filter(({ key, value }) => !isOfDead(key, value))
      .map(({ key }) => textOf(key))
      .filter((text) => !indexed.has(text) && !waiting.has(text)),
    notInJournal: entries
      .filter(({ key, value }) => !waiting.has(textOf(key)) && !isOfDead(key, value))
      .filter(({ key, value }) => JSON.stringify(journal.get(textOf(key))) !== JSON.stringify(value))
      .map(({ key }) => textOf(key)),
  };
}

const textOf = (key: readonly string[]): string => key.join("/");
