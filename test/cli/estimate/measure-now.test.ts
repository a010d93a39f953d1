/** Measuring in a process of its own: what it answers is kept, and however it ends, that is told. */
import { expect, test } from "vitest";
import { keptMeasurement } from "../../../src/cli/estimate/kept-measurements.ts";
import { measureNow } from "../../../src/cli/estimate/measure-now.ts";
import { defineLlama } from "../../../src/model/llama-config.ts";
import { defineOptimizer } from "../../../src/train/optimizer.ts";
import { answering, measurement, measuringRig } from "./measuring-rig.ts";

const options = {
  model: defineLlama({
    hiddenSize: 8,
    intermediateSize: 12,
    numLayers: 4,
    numHeads: 2,
    numKvHeads: 1,
    contextLength: 128,
    vocabSize: 16,
  }),
  optimizer: defineOptimizer(),
  microBatchSize: 4,
  sequenceLength: 128,
  gradientAccumulation: 1,
};

test("the answer is returned, and kept for these shapes and this engine", async () => {
  using rig = measuringRig(answering({ measurement }));
  expect((await measureNow(options, rig.place, { what: "tiny" })).measurement).toEqual(measurement);
  expect(rig.said).toEqual(["measuring tiny: compiling, then 10 s of training steps"]);
  expect((await keptMeasurement(measurement.engine, options, 1))?.measurement).toEqual(measurement);
  const { engine } = measurement;
  expect(await keptMeasurement({ ...engine, version: "2.21.0" }, options, 1)).toBeUndefined();
  expect(await keptMeasurement(engine, options, 2)).toBeUndefined();
});

test("what the engine throws there is thrown here", async () => {
  const error = { code: "ENGINE_UNAVAILABLE", message: "none", hint: "install one", kind: "user" };
  using rig = measuringRig(answering({ error }));
  await expect(measureNow(options, rig.place)).rejects.toMatchObject(error);
});

test.each([
  ["process.exit(3)", "ended with exit code 3"],
  ['console.error("out of memory"); process.exitCode = 1; process.disconnect()', "out of memory"],
  ['process.kill(process.pid, "SIGKILL")', "was killed by SIGKILL"],
])("a process that does %j has died, and how is told", async (script, how) => {
  using rig = measuringRig(script);
  const died = { code: "MEASUREMENT_DIED", message: expect.stringContaining(how) as string };
  await expect(measureNow(options, rig.place)).rejects.toMatchObject(died);
});

test("a process that hangs, deaf to signals, is killed after the limit", async () => {
  using rig = measuringRig('process.on("SIGTERM", () => undefined); process.on("message", () => undefined);');
  await expect(measureNow(options, rig.place, { limitMs: 300 })).rejects.toMatchObject({
    code: "MEASUREMENT_DIED",
    message: "the process that measures was not done within 0.3 s",
  });
});
