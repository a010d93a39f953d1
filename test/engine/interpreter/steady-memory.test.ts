/** What the interpreter holds does not grow with the steps that it takes; bench/engine/steady-memory.ts takes a thousand. */
import { describe, expect, test } from "vitest";
import { createMemoryRun } from "../../../bench/engine/steady-memory.ts";

describe.each(["wasm", "cpu"] as const)("on %s", (backend) => {
  test.each([1, 2])("training with %d micro-batches a step", async (gradientAccumulation) => {
    await using run = await createMemoryRun(backend, gradientAccumulation);
    await run.steps(3);
    const before = run.held();
    expect(before.numTensors).toBeGreaterThan(20);
    expect(before.heapBytes > 0).toBe(backend === "wasm");
    await run.steps(12);
    expect(run.held()).toEqual(before);
  });
});
