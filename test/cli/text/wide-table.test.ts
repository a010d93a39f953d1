import { expect, test } from "vitest";
import { noPaint } from "../../../src/cli/paint.ts";
import { wideTable } from "../../../src/cli/text/wide-table.ts";
import { textWidth } from "../../../src/cli/text-width.ts";

const cells = (texts: readonly string[]) => texts.map((text) => ({ text }));
const wide = {
  head: cells(["run", "first", "second", "third"]),
  rows: [cells(["a", "1", "2", "3"]), cells(["b", "4", "5", "6"])],
  keys: 1,
};

test("what fits is one table", () => {
  expect(wideTable(wide, 26, noPaint)).toEqual([
    "run  first  second  third",
    "a    1      2       3",
    "b    4      5       6",
  ]);
});

test("what does not fit goes below, with the key columns again, and no column is lost", () => {
  expect(wideTable(wide, 20, noPaint)).toEqual([
    "run  first  second",
    "a    1      2",
    "b    4      5",
    "",
    "run  third",
    "a    3",
    "b    6",
  ]);
});

test("no line is wider than asked, unless one column alone is", () => {
  for (const columns of [12, 13, 18, 19, 25, 26])
    for (const line of wideTable(wide, columns, noPaint))
      expect(textWidth(line)).toBeLessThanOrEqual(columns);
  expect(wideTable(wide, 1, noPaint).filter((line) => line.startsWith("run"))).toHaveLength(3);
});

test("key columns alone are a table too", () => {
  expect(wideTable({ ...wide, head: wide.head.slice(0, 1) }, 80, noPaint)).toEqual(["run", "a", "b"]);
});
