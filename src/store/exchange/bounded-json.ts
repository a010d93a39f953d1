/**
 * JSON that crosses machines: read with bounds, because the writer may be anybody, and written with sorted keys, so
 * that equal content is equal bytes.
 */
import { PipelineError } from "../../errors.ts";
import { byCodeUnit } from "../../hashing/canonical.ts";
import type { Json } from "../../std/json.ts";

/** Deeper than any record, and far from what a recursive reader cannot walk. */
const MAX_DEPTH = 64;

/** `what` names the document in errors. Throws `DOCUMENT_INVALID`. */
export function parseBoundedJson(text: string, what: string): Json {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (cause) {
    throw invalidDocument(what, cause instanceof Error ? cause.message : String(cause));
  }
  // A list of its own instead of recursion: the depth is what is in doubt.
  const open: { readonly value: Json; readonly depth: number }[] = [{ value, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next.value !== "object" || next.value === null) continue;
    if (next.depth >= MAX_DEPTH) throw invalidDocument(what, `it is nested deeper than ${MAX_DEPTH} levels`);
    for (const [key, below] of Object.entries(next.value)) {
      if (key === "__proto__") throw invalidDocument(what, "it has a key __proto__");
      open.push({ value: below, depth: next.depth + 1 });
    }
  }
  return value;
}

export const invalidDocument = (what: string, why: string): PipelineError =>
  new PipelineError({
    code: "DOCUMENT_INVALID",
    message: `${what} is not what this version writes: ${why}`,
    hint: "it was damaged or made by another version of the pipeline; ask its sender for a new one",
  });

/** JSON text with sorted keys and a line end. */
export function stableJson(value: Json): string {
  const sorted = JSON.stringify(value, (_key, below: Json) => (isObject(below) ? sortKeys(below) : below));
  return `${sorted}\n`;
}

const isObject = (value: Json): value is { readonly [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const sortKeys = (object: { readonly [key: string]: Json }): Json =>
  Object.fromEntries(Object.entries(object).sort(([a], [b]) => byCodeUnit(a, b)));
