/** The figures of an execution: the numeric leaves of its outputs' summaries. */
import { leavesOf } from "../std/leaves.ts";
import type { ExecutionRecord } from "../store/records.ts";

export interface Figure {
  readonly output: string;
  /** Within the output's summary, e.g. `wiki.bitsPerByte`. */
  readonly path: string;
  readonly value: number;
}

/** In the order in which the stage wrote them. Numbers in lists are series or samples, not figures. */
export const figuresOf = ({ outputs }: Pick<ExecutionRecord, "outputs">): Figure[] =>
  Object.entries(outputs).flatMap(([output, { summary }]) =>
    Object.entries(leavesOf(summary)).flatMap(([path, value]) =>
      typeof value === "number" && !path.includes("[") ? [{ output, path, value }] : [],
    ),
  );

/** Short names where they tell figures apart: the path, or `output.path` where two outputs or `taken` have that path. */
export function nameFigures(
  figures: readonly Pick<Figure, "output" | "path">[],
  taken: ReadonlySet<string> = new Set(),
): (figure: Pick<Figure, "output" | "path">) => string {
  const outputs = new Map<string, Set<string>>();
  for (const { output, path } of figures) {
    const known = outputs.get(path) ?? new Set();
    outputs.set(path, known.add(output));
  }
  return ({ output, path }) =>
    (outputs.get(path)?.size ?? 0) > 1 || taken.has(path) ? `${output}.${path}` : path;
}
