import { expect, test } from "vitest";
import { errorText } from "../../src/cli/error-text.ts";
import { noPaint } from "../../src/cli/paint.ts";
import { serializeError, userError } from "../../src/errors.ts";

const quiet = { paint: noPaint, verbose: false };

test("an error is its code, message, offending lines and hint", () => {
  const error = userError(
    "CONFIG_INVALID",
    "configs/a.yaml:3:5\n  3 | stps: 4\n    | ^^^^",
    "did you mean steps?",
  );
  expect(errorText(serializeError(error), quiet)).toBe(
    "error CONFIG_INVALID: configs/a.yaml:3:5\n    3 | stps: 4\n      | ^^^^\nhint: did you mean steps?",
  );
});

test("the stack is shown only when asked for", () => {
  const shown = serializeError(userError("A", "b"));
  expect(errorText(shown, quiet)).toBe("error A: b");
  expect(errorText(shown, { ...quiet, verbose: true })).toMatch(
    /^error A: b\n {2}at userError .*\n {2}at .*error-text\.test/,
  );
});

test("an unexpected error shows its stack always, and says that it is a bug", () => {
  const text = errorText(serializeError(new TypeError("x is not a function")), quiet);
  expect(text).toMatch(/^error UNEXPECTED: x is not a function\nhint: this is a bug/);
  expect(text).toContain("error-text.test");
});
