import { expect, test } from "vitest";
import { pauseBeforeRetry } from "../../src/runner/retry.ts";

const retry = { attempts: 4, backoffMs: 100 };
const failure = { code: "NETWORK_UNAVAILABLE", message: "", kind: "failure" } as const;

test("each pause is twice the one before it, until the tries are used up", () => {
  expect([1, 2, 3, 4].map((failures) => pauseBeforeRetry(retry, failure, failures))).toEqual([
    100,
    200,
    400,
    undefined,
  ]);
});

test("no pause is longer than the longest", () => {
  expect(pauseBeforeRetry({ ...retry, maxBackoffMs: 150 }, failure, 3)).toBe(150);
  expect(pauseBeforeRetry({ attempts: 99, backoffMs: 1000 }, failure, 98)).toBe(600_000);
});

test.each([
  ["a stage that declares nothing", undefined, failure],
  ["a mistake of the user's", retry, { ...failure, kind: "user" as const }],
  ["an input that changed", retry, { ...failure, code: "INPUT_CHANGED" }],
  ["an error that is not among the declared ones", { ...retry, codes: ["OTHER"] }, failure],
])("%s is not tried again", (_what, policy, error) => {
  expect(pauseBeforeRetry(policy, error, 1)).toBeUndefined();
});

test("an error among the declared ones is tried again", () => {
  expect(pauseBeforeRetry({ ...retry, codes: [failure.code] }, failure, 1)).toBe(100);
});
