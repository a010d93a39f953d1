/** Cells in aligned columns, each with its colour; the last column is free. Widths are terminal columns. */
import type { Paint, Style } from "../paint.ts";
import { padEnd, padStart, textWidth } from "../text-width.ts";

export interface Cell {
  readonly text: string;
  readonly style?: Style | undefined;
  readonly align?: "left" | "right";
}

export function table(rows: readonly (readonly Cell[])[], paint: Paint): readonly string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => textWidth(row[column]?.text ?? ""))),
  );
  return rows.map((row) =>
    row
      .map(({ text, style, align }, column) => {
        const width = widths[column] ?? 0;
        const isLast = column === row.length - 1;
        const padded = align === "right" ? padStart(text, width) : isLast ? text : padEnd(text, width);
        return style === undefined ? padded : paint(style, padded);
      })
      .join("  ")
      .trimEnd(),
  );
}
