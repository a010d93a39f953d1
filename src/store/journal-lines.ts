/**
 * The lines of the journal: what one transaction put and removed, behind a checksum. A line is JSON as a whole:
 * `{"sum":…,"seq":…,"put":[[key,value],…],"remove":[key,…]}`; the first names the format.
 */
import { readFileSync } from "node:fs";
import { errorCode } from "../std/error-code.ts";
import { digestOf } from "../std/digest.ts";
import type { IndexKey } from "./index-value.ts";

export const JOURNAL_FORMAT = 1;

/** Key → what is there now; undefined: nothing. Later changes of a key replace earlier ones. */
export class Changes {
  readonly #byText = new Map<string, { readonly key: IndexKey; readonly value: unknown }>();

  set(key: IndexKey, value: unknown): void {
    const text = JSON.stringify(key);
    this.#byText.delete(text);
    this.#byText.set(text, { key, value });
  }

  clear(): void {
    this.#byText.clear();
  }

  get size(): number {
    return this.#byText.size;
  }

  [Symbol.iterator](): IterableIterator<{ readonly key: IndexKey; readonly value: unknown }> {
    return this.#byText.values();
  }
}

export interface JournalLine {
  /** Counts transactions; the lines of a snapshot share one. */
  readonly seq: number;
  readonly put: readonly (readonly [IndexKey, unknown])[];
  readonly remove: readonly IndexKey[];
}

export interface JournalContent {
  readonly lines: readonly JournalLine[];
  readonly lastSeq: number;
  /** Whole lines whose checksum is wrong; a torn last line is none. */
  readonly damaged: number;
}

export const headerLine = (seq: number): string => sealed({ journal: JOURNAL_FORMAT, seq });

export function encodeLine(seq: number, changes: Iterable<{ key: IndexKey; value: unknown }>): string {
  const all = [...changes];
  const put = all.filter(({ value }) => value !== undefined).map(({ key, value }) => [key, value]);
  const remove = all.filter(({ value }) => value === undefined).map(({ key }) => key);
  return sealed({ seq, put, ...(remove.length === 0 ? {} : { remove }) });
}

const SUM_DIGITS = 16;
const START = '{"sum":"';
const REST = START.length + SUM_DIGITS + 2;

function sealed(value: object): string {
  const json = JSON.stringify(value);
  return `${START}${sumOf(json)}",${json.slice(1)}\n`;
}

const sumOf = (json: string): string => digestOf(json).slice(0, SUM_DIGITS);

/** Undefined where the line is not what was written. */
function unsealed(line: string): Record<string, unknown> | undefined {
  const json = `{${line.slice(REST)}`;
  if (line.slice(START.length, START.length + SUM_DIGITS) !== sumOf(json)) return undefined;
  return JSON.parse(json) as Record<string, unknown>;
}

/** Undefined where there is no journal, none of it can be read, or a later version wrote it. */
export function readJournal(path: string): JournalContent | undefined {
  const bytes = readIfThere(path);
  if (bytes === undefined) return undefined;
  const lines: JournalLine[] = [];
  let [damaged, lastSeq, good] = [0, 0, 0];
  for (let start = 0, end = bytes.indexOf(10); end !== -1; start = end + 1, end = bytes.indexOf(10, start)) {
    const line = unsealed(bytes.toString("utf8", start, end));
    if (line === undefined) {
      damaged++;
      continue;
    }
    good++;
    if ("journal" in line && line["journal"] !== JOURNAL_FORMAT) return undefined;
    const { seq, put = [], remove = [] } = line as Partial<JournalLine> & { seq: number };
    lines.push({ seq, put, remove });
    lastSeq = Math.max(lastSeq, seq);
  }
  return good === 0 ? undefined : { lines, lastSeq, damaged };
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** What the tables hold after all lines. */
export function replay({ lines }: JournalContent): Changes {
  const all = new Changes();
  for (const { put, remove } of lines) {
    for (const [key, value] of put) all.set(key, value);
    for (const key of remove) all.set(key, undefined);
  }
  const present = new Changes();
  for (const { key, value } of all) if (value !== undefined) present.set(key, value);
  return present;
}
