/** A look into a source: what it is, its columns, and the first rows with every value cut to a few lines. */
import type { Peek } from "../../data/peek/peek-source.ts";
import { countOf, formatBytes } from "../../report/quantity.ts";
import type { Json } from "../../std/json.ts";
import type { Paint } from "../paint.ts";
import { printable, truncate } from "../text-width.ts";
import { table } from "./table.ts";

/** What a value gets of the screen, in lines of it. */
const VALUE_LINES = 3;

export function peekText(
  peek: Peek & { readonly fetchedBytes: number },
  columns: number,
  paint: Paint,
): string {
  const { source, revision, file, columns: fields, sample, fetchedBytes } = peek;
  const width = Math.max(20, columns - 4 - Math.max(0, ...fields.map(({ name }) => name.length)));
  const about = [
    [peek.format, peek.compression].filter((part) => part !== undefined).join(", "),
    formatBytes(file.bytes),
    ...(peek.rows === undefined ? [] : [countOf(peek.rows, "row")]),
    ...(peek.rowGroups === undefined ? [] : [countOf(peek.rowGroups, "row group")]),
  ];
  const fetched = fetchedBytes === 0 ? [] : [`${formatBytes(fetchedBytes)} fetched`];
  const names = table(
    fields.map(({ name, type }) => [
      { text: `  ${printable(name)}`, style: "cyan" },
      { text: printable(type) },
    ]),
    paint,
  );
  const rows = sample.flatMap((row, index) => [
    "",
    paint("dim", `row ${index + 1}`),
    ...table(
      fields.map(({ name }) => [
        { text: `  ${printable(name)}`, style: "cyan" },
        { text: valueText(row[name], width * VALUE_LINES) },
      ]),
      paint,
    ),
  ]);
  const dropped = Object.entries(peek.dropped ?? {}).map(([reason, count]) => `${count} × ${reason}`);
  return [
    `${paint("bold", printable(source))} at ${printable(revision)}`,
    printable(file.path) + paint("dim", ` (${[...about, ...fetched].join(", ")})`),
    "",
    ...(fields.length > 0 ? [paint("dim", "columns"), ...names] : []),
    ...rows,
    ...(sample.length === 0 ? [paint("dim", "no rows")] : []),
    ...(dropped.length === 0 ? [] : ["", `left out: ${dropped.join(", ")}`]),
  ].join("\n");
}

/** Text as it is but for what a terminal would obey; anything else as JSON. A value may have megabytes. */
function valueText(value: Json | undefined, room: number): string {
  const text = value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
  return truncate(printable(text.slice(0, room * 2)), room);
}
