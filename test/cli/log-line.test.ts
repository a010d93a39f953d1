import { expect, test } from "vitest";
import { logLine } from "../../src/cli/run-view/log-line.ts";

const event = (stream: "log" | "stderr", line: string) =>
  ({ type: "stage-log", at: "", stage: "pretrain", stream, line }) as const;
const banner =
  "I0000 00:00:1795412094.390789   18897 port.cc:153] oneDNN custom operations are on. You may see slightly different results.";

test("TensorFlow's greeting is not shown", () => {
  expect(logLine(event("stderr", banner))).toBe("");
  expect(
    logLine(
      event(
        "stderr",
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
      ),
    ),
  ).toBe("");
});

test("everything else that a library writes is shown, and what a stage logs always", () => {
  const failure = "E0000 00:00:1795412094.390789   18897 cuda_dnn.cc:8579] Unable to register cuDNN factory";
  expect(logLine(event("stderr", failure))).toBe(failure);
  expect(logLine(event("log", banner))).toBe(banner);
});
