/** What the doctor says of a recipe's speed, from figures that are given. */
import { expect, test } from "vitest";
import { speedFinding } from "../../../src/cli/doctor/speed-finding.ts";

test("a measured recipe: its tokens and products a second, and how long pretraining takes", () => {
  const small = { config: "small", tokensPerSecond: 3_014.4, flopsPerSecond: 148.2e9, hours: 0.5 };
  expect(speedFinding(small)).toEqual({
    name: "speed",
    level: "ok",
    message: "small: 3.01k tokens/s predicted, at 148 GFLOP/s; pretraining takes 30 min 0 s",
  });
  const large = { config: "minilm", tokensPerSecond: 252.64, flopsPerSecond: 2.141e11, hours: 1_729 };
  expect(speedFinding(large).message).toBe(
    "minilm: 252.6 tokens/s predicted, at 214 GFLOP/s; pretraining takes 72 d 1 h",
  );
});

test("a recipe that could not be measured must be mended, and the hint says how", () => {
  const error = {
    code: "MEASUREMENT_DIED",
    message: "the process that measures was killed by SIGKILL",
    kind: "failure",
  } as const;
  expect(speedFinding({ config: "minilm", error: { ...error, hint: "npx pipeline estimate" } })).toEqual({
    name: "speed",
    level: "fail",
    message: "minilm: MEASUREMENT_DIED: the process that measures was killed by SIGKILL",
    hint: "npx pipeline estimate",
  });
  expect(speedFinding({ config: "minilm", error })).not.toHaveProperty("hint");
});
