/** Values of rows as plain JSON, and the types that a person calls them by. */
import type { Json } from "../../std/json.ts";
import type { Column } from "../formats/column.ts";

export type PlainRow = Readonly<Record<string, Json>>;

export const plainRow = (row: Readonly<Record<string, unknown>>): PlainRow =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)]));

/** Whole numbers beyond 2^53 become strings, bytes base64, what is not there null. */
function plain(value: unknown): Json {
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as Iterable<unknown>, plain);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null) return plainRow(value as Record<string, unknown>);
  return null;
}

/** The fields of rows that have no schema, in the order of their first appearance, with every type that was met. */
export function jsonColumns(rows: readonly PlainRow[]): readonly Column[] {
  const names = new Set(rows.flatMap((row) => Object.keys(row)));
  return [...names].map((name) => ({
    name,
    type: union(rows.flatMap((row) => (row[name] === undefined ? [] : [typeOf(row[name])]))),
  }));
}

function typeOf(value: Json): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return `list<${union(value.map(typeOf))}>`;
  if (typeof value === "object") {
    const fields = Object.entries(value as Readonly<Record<string, Json>>);
    return `struct<${fields.map(([name, field]) => `${name}: ${typeOf(field)}`).join(", ")}>`;
  }
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "double";
  return typeof value;
}

function union(types: readonly string[]): string {
  const met = [...new Set(types)].filter((type) => type !== "null" || types.every((each) => each === "null"));
  if (met.includes("double")) return met.filter((type) => type !== "int").join(" | ");
  return met.length === 0 ? "null" : met.join(" | ");
}
