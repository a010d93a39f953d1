/**
 * Several devices take the steps that one device takes with the same micro-batches: in the same bits where the sums are made
 * in the same order. What ends one of them ends the training, and nothing of it is left behind.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Engine, Executable } from "../../src/engine/engine.ts";
import { openDevices } from "../../src/engine/open-devices.ts";
import { openSafetensors } from "../../src/model/safetensors.ts";
import { defineProgram } from "../../src/tensor/program.ts";
import type { StepReport } from "../../src/train/training-options.ts";
import { shareSizes } from "../../src/train/training-step.ts";
import { compileProcess, type CompiledProcess } from "../compiled-process.ts";
import { executors, openExecutor } from "../model/executors.ts";
import { relativeError } from "../model/golden-llama.ts";
import { isAlive, replicasOf, untilGone } from "./replica-pids.ts";
import { guard, spoilt } from "./spikes.ts";
import {
  createRig,
  numberedBatches,
  numberedPairs,
  totalSteps,
  trainTiny,
  trainTinyPreferences,
  type Rig,
} from "./training-rig.ts";

const minutes = 60_000;
const onLinux = process.platform === "linux";
const digits = (rig: Rig) => readFile(rig.metricsPath, "utf8");

async function expectClose(found: Rig, expected: Rig, tolerance: number): Promise<void> {
  const lines = async (rig: Rig) =>
    (await digits(rig))
      .trimEnd()
      .split("\n")
      .map((line) => Object.values(JSON.parse(line) as Record<string, number>));
  const [ours, theirs] = [await lines(found), await lines(expected)];
  expect(ours).toHaveLength(totalSteps);
  theirs.flat().forEach((value, at) => {
    expect(Math.abs((ours.flat()[at] ?? NaN) - value)).toBeLessThan(tolerance * Math.max(1, Math.abs(value)));
  });
  const open = (rig: Rig) => openSafetensors(join(rig.folder, "model.safetensors"));
  await using a = await open(found);
  await using b = await open(expected);
  for (const { name } of b.entries)
    expect(relativeError(await a.read(name), await b.read(name)), name).toBeLessThan(tolerance);
}

/** Processes end with the last program; one that stays spares the tests of a file their start. */
function keepRunning(engine: Engine): void {
  let kept: Executable | undefined;
  beforeAll(async () => {
    kept = await engine.compile(defineProgram({ variables: [], functions: [] }));
  });
  afterAll(async () => {
    await kept?.[Symbol.asyncDispose]();
  });
}

test.each([
  [2, 2, [1, 1]],
  [3, 2, [2, 1]],
  [16, 2, [8, 8]],
  [5, 3, [2, 2, 1]],
])("%i micro-batches on %i devices are shares of %j", (microBatches, devices, sizes) => {
  expect(shareSizes(microBatches, devices)).toEqual(sizes);
});

describe.each(executors)("on %s", async (kind) => {
  const engine = await openExecutor(kind);
  const devices = await openDevices({ kind, devices: 2 });
  keepRunning(devices);
  const jobs = { "language model": trainTiny, preferences: trainTinyPreferences };

  test.each(Object.entries(jobs))(
    "two devices with a micro-batch each are one with two: %s",
    async (_, train) => {
      await using one = await createRig();
      await using two = await createRig();
      const expected = await train(engine, one, { gradientAccumulation: 2 });
      const found = await train(devices, two, { gradientAccumulation: 2 });
      // TensorFlow sums otherwise on another number of threads.
      if (kind === "wasm")
        expect([found.equals(expected), await digits(two)]).toEqual([true, await digits(one)]);
      else await expectClose(two, one, 1e-4);
    },
    2 * minutes,
  );

  test.each(Object.entries(jobs))(
    "shares of unequal size, with unequal numbers of supervised tokens: %s",
    async (_, train) => {
      await using one = await createRig();
      await using two = await createRig();
      await train(engine, one, { gradientAccumulation: 3 });
      await train(devices, two, { gradientAccumulation: 3 });
      await expectClose(two, one, 1e-4);
    },
    2 * minutes,
  );

  test(
    "stopped after any step and resumed, the bytes are those of a straight run",
    async () => {
      await using straight = await createRig();
      const expected = await trainTiny(devices, straight, { gradientAccumulation: 3 });
      const stops = kind === "wasm" ? [1, 2, 3, 4, 5, 6] : [3];
      for (const stop of stops) {
        await using rig = await createRig();
        const controller = new AbortController();
        const onStep = ({ step }: StepReport) => {
          if (step === stop) controller.abort();
        };
        await expect(
          trainTiny(devices, rig, { gradientAccumulation: 3, signal: controller.signal, onStep }),
        ).rejects.toMatchObject({ code: "INTERRUPTED" });
        const found = await trainTiny(devices, rig, { gradientAccumulation: 3 });
        expect([stop, found.equals(expected), await digits(rig)]).toEqual([
          stop,
          true,
          await digits(straight),
        ]);
      }
    },
    3 * minutes,
  );
});

describe("on wasm", async () => {
  const devices = await openDevices({ kind: "wasm", devices: 2 });
  const train = (rig: Rig, change: Parameters<typeof trainTiny>[2] = {}) =>
    trainTiny(devices, rig, { gradientAccumulation: 2, ...change });

  test("as many devices as micro-batches, whatever the cores: sums are made in the order of one device", async () => {
    await using one = await createRig();
    await using three = await createRig();
    const expected = await trainTiny(await openExecutor("wasm"), one, { gradientAccumulation: 3 });
    const found = await trainTiny(await openDevices({ kind: "wasm", devices: 3 }), three, {
      gradientAccumulation: 3,
    });
    expect(found.equals(expected)).toBe(true);
  });

  test("a checkpoint of another number of devices is refused, and it says why", async () => {
    await using rig = await createRig();
    await train(rig);
    await expect(
      trainTiny(await openExecutor("wasm"), rig, { gradientAccumulation: 2 }),
    ).rejects.toMatchObject({
      code: "CHECKPOINT_MISMATCH",
      message: expect.stringContaining("devices was 2 and is undefined") as string,
    });
  });

  test("fewer micro-batches than devices are refused", async () => {
    await using rig = await createRig();
    await expect(trainTiny(devices, rig)).rejects.toMatchObject({
      code: "TRAINING_INVALID",
      message: "2 devices have only 1 micro-batches to share in a step",
    });
  });

  test("after a spike the run goes back, as on one device", async () => {
    await using one = await createRig();
    await using two = await createRig();
    const guarded = { gradientAccumulation: 2, lossGuard: guard };
    const expected = await trainTiny(await openExecutor("wasm"), one, { ...guarded, source: spoilt([9]) });
    const found = await trainTiny(devices, two, { ...guarded, source: spoilt([9]) });
    expect([found.equals(expected), await digits(two)]).toEqual([true, await digits(one)]);
  });

  test("what one device throws ends all, and says which it was", async () => {
    await using rig = await createRig();
    const source = numberedBatches();
    const short = async () => {
      const batch = await source.next();
      return source.given.length === 6 ? { ...batch, batchSize: 1, inputs: batch.inputs.slice(12) } : batch;
    };
    await expect(train(rig, { source: { ...source, next: short } })).rejects.toMatchObject({
      code: "FEED_MISMATCH",
      message: expect.stringContaining("device 1: ") as string,
    });
    if (onLinux) await untilGone(replicasOf(process.pid));
  });

  test("every other batch of the reference pass is the second device's", async () => {
    await using rig = await createRig();
    const referenceSource = numberedPairs();
    let batches = 0;
    const next = async () => {
      const batch = await referenceSource.next();
      const { chosen } = batch;
      return batches++ === 1 ? { ...batch, chosen: { ...chosen, inputs: chosen.inputs.slice(1) } } : batch;
    };
    await expect(
      trainTinyPreferences(devices, rig, {
        gradientAccumulation: 2,
        referenceSource: { ...referenceSource, next },
      }),
    ).rejects.toMatchObject({ message: expect.stringContaining("device 1: ") as string });
  });

  test.skipIf(!onLinux)(
    "a device that is killed ends the training; it goes on from the last checkpoint",
    async () => {
      await using straight = await createRig();
      await using rig = await createRig();
      const expected = await train(straight);
      let pids: number[] = [];
      const onStep = ({ step }: StepReport) => {
        if (step !== 5) return;
        pids = replicasOf(process.pid);
        process.kill(pids[1] ?? NaN, "SIGKILL");
      };
      await expect(train(rig, { onStep })).rejects.toMatchObject({
        code: "REPLICA_DIED",
        message: expect.stringMatching(/^the process of device [01] ended: SIGKILL$/) as string,
        hint: expect.stringContaining("goes on from the last checkpoint") as string,
      });
      expect(pids).toHaveLength(2);
      await untilGone(pids);
      const resumed: number[] = [];
      const found = await train(rig, {
        onNotice: (notice) => notice.kind === "resumed" && resumed.push(notice.step),
      });
      expect([resumed, found.equals(expected), await digits(rig)]).toEqual([
        [4],
        true,
        await digits(straight),
      ]);
    },
  );
});

describe.skipIf(!onLinux)("a process that trains on two devices", () => {
  let script: CompiledProcess | undefined;
  beforeAll(async () => {
    script = await compileProcess(join(import.meta.dirname, "devices-process.ts"));
  });
  afterAll(() => script?.[Symbol.dispose]());

  test.each(["SIGKILL", "SIGTERM"] as const)(
    "takes its replicas along when it ends by %s",
    async (signal) => {
      const child = spawn(process.execPath, [script?.path ?? ""], { stdio: ["ignore", "pipe", "inherit"] });
      await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
      const pids = replicasOf(child.pid ?? NaN);
      expect(pids.filter(isAlive)).toHaveLength(2);
      child.kill(signal);
      await untilGone(pids);
    },
  );
});
