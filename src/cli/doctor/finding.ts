/** What the doctor found about one thing. */
export interface Finding {
  /** Stable, e.g. `node`, `engine`. */
  readonly name: string;
  readonly level: "ok" | "warn" | "fail";
  readonly message: string;
  /** What to do about it; absent where there is nothing to do. */
  readonly hint?: string;
}
