/** What of the index is written to the journal, and how soon (docs/adr/0018). A table that is new here is kept. */
import type { IndexKey } from "./index-value.ts";

/** Where the index notes how far the journal goes. */
export const JOURNAL_MARK: IndexKey = ["journal", "mark"];

/** Table of the keys whose records are to be written with the next line. */
export const UNJOURNALED = "unjournaled";

export type Urgency =
  /** Made again by looking: views, and the journal's own notes. */
  | "never"
  /** Runs that executed nothing, and days of use: with the next line, so that a run of hits writes none. */
  | "later"
  /** Locks and claims: they survive a kill of any process, and mean nothing after a power failure. */
  | "unsynced"
  | "synced";

/** `value` is undefined where the record is removed. */
export function urgencyOf(key: IndexKey, value: unknown): Urgency {
  const [table = ""] = key;
  switch (table) {
    case "view":
    case "journal":
    case UNJOURNALED:
      return "never";
    case "used":
    case "latest":
      return "later";
    case "run":
      return isIdleRun(value) ? "later" : "synced";
    case "lock":
    case "claim":
      return "unsynced";
    default:
      return "synced";
  }
}

const isIdleRun = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "executed" in value && value.executed === 0;
