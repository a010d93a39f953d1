import { expect, test } from "vitest";
import { selectRun } from "../../src/lineage/select-run.ts";

const ids = ["20260102T000000Z-bbbbbb", "20260101T000000Z-aaaaaa", "20260101T000000Z-999999"];

test.each([
  ["latest", ids[0]],
  ["latest~0", ids[0]],
  ["latest~2", ids[2]],
  ["20260102", ids[0]],
  ["20260101T000000Z-a", ids[1]],
  ["20260101T000000Z-999999", ids[2]],
  ["aaaaaa", ids[1]],
])("%s is %s", (selector, id) => {
  expect(selectRun(ids, selector)).toBe(id);
});

test.each(["latest~3", "2027", "", "latest~", "latest~-1", "202"])("%j is no run", (selector) => {
  expect(() => selectRun(ids, selector)).toThrow(
    expect.objectContaining({ code: "UNKNOWN_RUN", kind: "user" }) as Error,
  );
});

test("the beginning of two runs is ambiguous, and both are named", () => {
  expect(() => selectRun(ids, "20260101")).toThrow(
    expect.objectContaining({
      code: "AMBIGUOUS_RUN",
      message: expect.stringContaining(`${ids[1]}, ${ids[2]}`) as string,
    }) as Error,
  );
});

test("where nothing has run, the hint is to run", () => {
  expect(() => selectRun([], "latest")).toThrow(
    expect.objectContaining({ hint: "npx pipeline run" }) as Error,
  );
});
