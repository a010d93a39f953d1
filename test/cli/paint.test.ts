import { expect, test } from "vitest";
import { ansiPaint, choosePaint, noPaint } from "../../src/cli/paint.ts";

const choose = (isTty: boolean, env: Record<string, string>, noColorFlag = false) =>
  choosePaint({ isTty, env, noColorFlag });

test("a terminal has colour, a pipe has not", () => {
  expect(choose(true, {})).toBe(ansiPaint);
  expect(choose(false, {})).toBe(noPaint);
  expect(choose(true, { TERM: "dumb" })).toBe(noPaint);
});

test("NO_COLOR switches it off unless it is empty; --no-color always", () => {
  expect(choose(true, { NO_COLOR: "1" })).toBe(noPaint);
  expect(choose(true, { NO_COLOR: "" })).toBe(ansiPaint);
  expect(choose(true, { FORCE_COLOR: "1" }, true)).toBe(noPaint);
});

test("FORCE_COLOR switches it on in a pipe, and off with 0", () => {
  expect(choose(false, { FORCE_COLOR: "1" })).toBe(ansiPaint);
  expect(choose(true, { FORCE_COLOR: "0" })).toBe(noPaint);
});

test("painted text is the text between escape codes; an empty text stays empty", () => {
  expect(ansiPaint("red", "x")).toBe("\u001B[31mx\u001B[39m");
  expect(ansiPaint("red", "")).toBe("");
});
