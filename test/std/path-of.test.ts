import { expect, test } from "vitest";
import { pathOf } from "../../src/std/path-of.ts";

test("a part is found by what it is, not by what it is equal to", () => {
  const part = { steps: 1 };
  const whole = { twin: { steps: 1 }, list: [part], stages: { pretrain: part } };
  expect(pathOf(part, whole)).toEqual(["stages", "pretrain"]);
  expect(pathOf(whole, whole)).toEqual([]);
  expect(pathOf({ steps: 1 }, whole)).toBeUndefined();
});
