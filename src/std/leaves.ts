/** A nested value as a flat one: its leaves under their paths. */
import type { Json, JsonObject } from "./json.ts";

/** `{a: {b: 1}, c: [{d: 2}]}` → `{"a.b": 1, "c[0].d": 2}`; what is empty is a leaf. */
export function leavesOf(object: JsonObject): Record<string, Json> {
  return Object.fromEntries(Object.entries(object).flatMap(([key, value]) => leaves(key, value)));
}

function leaves(path: string, value: Json): [string, Json][] {
  if (typeof value !== "object" || value === null) return [[path, value]];
  const parts = Array.isArray(value)
    ? value.map((part: Json, index) => [`${path}[${index}]`, part] as const)
    : Object.entries(value).map(([key, part]) => [`${path}.${key}`, part] as const);
  return parts.length === 0 ? [[path, value]] : parts.flatMap(([at, part]) => leaves(at, part));
}
