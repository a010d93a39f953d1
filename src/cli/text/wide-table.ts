/**
 * A table of many columns for a narrow screen: what does not fit goes below, in blocks that repeat the first
 * columns. No column is lost and no line is broken by the terminal.
 */
import type { Paint } from "../paint.ts";
import { textWidth } from "../text-width.ts";
import { table, type Cell } from "./table.ts";

export interface WideTable {
  /** A title for each column. */
  readonly head: readonly Cell[];
  readonly rows: readonly (readonly Cell[])[];
  /** How many of the first columns tell the rows apart: every block has them. */
  readonly keys: number;
}

const GAP = 2;

export function wideTable({ head, rows, keys }: WideTable, columns: number, paint: Paint): readonly string[] {
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => textWidth(row[column]?.text ?? ""))),
  );
  const keyWidth = widths.slice(0, keys).reduce((sum, width) => sum + width + GAP, 0);
  const blocks: number[][] = [];
  let used = Number.POSITIVE_INFINITY;
  for (let column = keys; column < head.length; column++) {
    const width = widths[column] ?? 0;
    if (used + GAP + width > columns) {
      blocks.push([]);
      used = keyWidth - GAP;
    }
    blocks.at(-1)?.push(column);
    used += GAP + width;
  }
  if (blocks.length === 0) blocks.push([]);
  const keyColumns = Array.from({ length: keys }, (_, column) => column);
  return blocks.flatMap((block, index) => {
    const shown = [...keyColumns, ...block];
    const pick = (row: readonly Cell[], style?: Cell["style"]): Cell[] =>
      shown.map((column) => {
        const cell = row[column] ?? { text: "" };
        return style === undefined ? cell : { ...cell, style };
      });
    const lines = table([pick(head, "dim"), ...rows.map((row) => pick(row))], paint);
    return index === 0 ? lines : ["", ...lines];
  });
}
