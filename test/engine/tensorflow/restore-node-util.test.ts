import { createRequire } from "node:module";
import { afterEach, beforeEach, expect, test } from "vitest";
import { restoreNodeUtil } from "../../../src/engine/tensorflow/restore-node-util.ts";

const require = createRequire(import.meta.url);
const util = require("node:util") as Record<string, unknown>;
const names = ["isArray", "isNullOrUndefined"] as const;
const original = names.map((name) => util[name]);
const NEVER = () => false;

// As Node 23 and later begin.
beforeEach(() => {
  for (const name of names) Reflect.deleteProperty(util, name);
});
afterEach(() => {
  for (const [place, name] of names.entries()) util[name] = original[place];
});

test("tfjs-node's own calls work again where Node has dropped what it calls", () => {
  // The part of the package that calls them; it needs no native library.
  const { createTensorsTypeOpAttr } = require("@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js") as {
    createTensorsTypeOpAttr: (name: string, tensors: unknown) => unknown;
  };
  expect(() => createTensorsTypeOpAttr("T", null)).toThrow("isNullOrUndefined) is not a function");
  restoreNodeUtil();
  expect(() => createTensorsTypeOpAttr("T", null)).toThrow("Invalid input tensors value");
});

test("they answer as Node 22 documents them", () => {
  restoreNodeUtil();
  const expected = [true, true, false, false, false, false];
  const [isArray, isNullOrUndefined] = names.map((name) => util[name] as (value: unknown) => boolean);
  expect([[], [1], new Uint8Array(1), { length: 0 }, null, "a"].map((value) => isArray?.(value))).toEqual(
    expected,
  );
  expect([null, undefined, 0, "", false, NaN].map((value) => isNullOrUndefined?.(value))).toEqual(expected);
});

test("what Node still has stays Node's own", () => {
  util["isArray"] = NEVER;
  restoreNodeUtil();
  expect(util["isArray"]).toBe(NEVER);
});
