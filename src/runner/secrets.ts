/**
 * Secrets of the environment: values of variables whose names look like tokens, passwords or keys. They are taken out
 * of all that is shown or kept, and refused where they would become part of a fingerprint. Only the value as it
 * is, line by line, and its URL-encoded form are known: what a stage makes of it otherwise is not seen.
 */
import { userError } from "../errors.ts";
import type { Json } from "../std/json.ts";

/** `HF_TOKEN`, `AWS_SECRET_ACCESS_KEY`, `npm_config__authToken`; not `TOKENIZERS_PARALLELISM` or `MAX_TOKENS`. */
const SECRET_NAME =
  /(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIALS?)(?:_|$)/i;

/** What holds the place of a secret, not the secret. */
const PLACE_NAME = /_(?:FILE|PATH|DIR|DIRECTORY)$/i;

/** Shorter values, such as `true` and `0`, occur everywhere by chance. */
const MIN_LENGTH = 8;

export class Secrets {
  /** Value → name of its variable. */
  readonly #names = new Map<string, string>();
  readonly #pattern: RegExp | undefined;

  constructor(env: Readonly<Record<string, string | undefined>>) {
    for (const [name, value = ""] of Object.entries(env)) {
      if (!SECRET_NAME.test(name) || PLACE_NAME.test(name)) continue;
      const lines = [value, ...value.split("\n")].map((line) => line.trim());
      for (const text of lines.flatMap((line) => [line, encodeURIComponent(line)]))
        if (text.length >= MIN_LENGTH && !this.#names.has(text)) this.#names.set(text, name);
    }
    // The longest first: one secret may be the beginning of another.
    const values = [...this.#names.keys()].sort((a, b) => b.length - a.length);
    if (values.length > 0) this.#pattern = new RegExp(values.map(escaped).join("|"), "g");
  }

  /** `[HF_TOKEN]` in place of its value. */
  redactText(text: string): string {
    if (this.#pattern === undefined) return text;
    return text.replace(this.#pattern, (value) => `[${this.#names.get(value) ?? ""}]`);
  }

  /** A copy of plain data with every string redacted, keys included; the data itself where there are no secrets. */
  redact<T>(data: T): T {
    return this.#pattern === undefined ? data : (this.#redacted(data) as T);
  }

  /** The error itself, its texts and those of its causes redacted. */
  redactError(error: unknown): unknown {
    for (let each = error; each instanceof Error; each = each.cause) {
      each.message = this.redactText(each.message);
      if (each.stack !== undefined) each.stack = this.redactText(each.stack);
    }
    return error;
  }

  #redacted(data: unknown): unknown {
    if (typeof data === "string") return this.redactText(data);
    if (Array.isArray(data)) return data.map((each) => this.#redacted(each));
    if (!isPlainObject(data)) return data; // a date has no text to hide
    return Object.fromEntries(
      Object.entries(data).map(([key, value]) => [this.redactText(key), this.#redacted(value)]),
    );
  }

  /** Throws `SECRET_IN_RECIPE`. `what`: whose data it is, e.g. `stage download, param`. */
  refuse(what: string, data: Json): void {
    if (this.#pattern === undefined) return;
    for (const [path, text] of textsOf(data)) {
      const redacted = this.redactText(text);
      if (redacted === text) continue;
      throw userError(
        "SECRET_IN_RECIPE",
        `${what} ${this.redactText(path.join("."))} holds a secret of the environment: ${redacted}`,
        "recipes are kept in fingerprints and lineage: take it out, and let the stage read the variable itself",
      );
    }
  }
}

const isPlainObject = (data: unknown): data is object =>
  typeof data === "object" && data !== null && Object.getPrototypeOf(data) === Object.prototype;

/** Every string with the path that leads to it, keys included. */
function* textsOf(data: Json, path: readonly string[] = []): Generator<[readonly string[], string]> {
  if (typeof data === "string") yield [path, data];
  if (typeof data !== "object" || data === null) return;
  for (const [key, value] of Object.entries<Json>(data)) {
    yield [[...path, key], key];
    yield* textsOf(value, [...path, key]);
  }
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
