import { readdir, readFile, rename, rm, truncate, writeFile, appendFile, mkdir, cp } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { StepReport, TrainingNotice } from "../../src/train/train-loop.ts";
import { executors, openExecutor } from "../model/executors.ts";
import {
  createRig,
  numberedBatches,
  totalSteps,
  trainTiny,
  trainTinyPreferences,
  type Rig,
} from "./training-rig.ts";

interface Line {
  readonly step: number;
  readonly [metric: string]: number;
}
const linesOf = async ({ metricsPath }: Rig): Promise<Line[]> =>
  (await readFile(metricsPath, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);

/** Options that abort after `step` steps. */
function abortAfter(step: number) {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    onStep: (report: StepReport) => {
      if (report.step === step) controller.abort();
    },
  };
}

describe.each(executors)("on %s", async (kind) => {
  const engine = await openExecutor(kind);

  for (const gradientAccumulation of [1, 3])
    test(`stopped at any step and resumed, a run with ${gradientAccumulation} micro-batches ends in the same bytes`, async () => {
      await using straight = await createRig();
      const expected = await trainTiny(engine, straight, { gradientAccumulation });
      const curve = await linesOf(straight);
      expect(curve.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
      expect(curve.map(({ tokensSeen }) => tokensSeen)).toEqual(
        curve.map(({ step }) => step * 24 * gradientAccumulation),
      );
      // Every step on wasm; one on TensorFlow, which takes long to compile.
      const stops = kind === "wasm" && gradientAccumulation === 1 ? [1, 2, 3, 4, 5, 6] : [3];
      for (const stop of stops) {
        await using rig = await createRig();
        await expect(
          trainTiny(engine, rig, { gradientAccumulation, ...abortAfter(stop) }),
        ).rejects.toMatchObject({
          code: "INTERRUPTED",
          message: `training was interrupted after step ${stop} of 7`,
        });
        const notices: TrainingNotice[] = [];
        const source = numberedBatches();
        const bytes = await trainTiny(engine, rig, {
          gradientAccumulation,
          source,
          onNotice: (notice) => notices.push(notice),
        });
        expect(notices[0]).toMatchObject({ kind: "resumed", step: stop });
        expect(source.given[0]).toBe(stop * gradientAccumulation);
        expect(bytes.equals(expected)).toBe(true);
        expect(await linesOf(rig)).toEqual(curve);
      }
    });

  test("preference training resumes to the same bytes, and starts at ln 2", async () => {
    await using straight = await createRig();
    const expected = await trainTinyPreferences(engine, straight);
    const curve = await linesOf(straight);
    expect(curve[0]?.["loss"]).toBeCloseTo(Math.LN2, 5);
    expect(curve.at(-1)?.["loss"]).toBeLessThan(Math.LN2);
    expect(curve.at(-1)?.["rewardAccuracy"]).toBe(1);
    await using rig = await createRig();
    await expect(trainTinyPreferences(engine, rig, abortAfter(3))).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    expect((await trainTinyPreferences(engine, rig)).equals(expected)).toBe(true);
    expect(await linesOf(rig)).toEqual(curve);
  });
});

describe("the loop", async () => {
  const engine = await openExecutor("wasm");
  const stopAt = async (rig: Rig, step: number) =>
    expect(trainTiny(engine, rig, abortAfter(step))).rejects.toMatchObject({ code: "INTERRUPTED" });

  test("keeps the last two checkpoints and leaves nothing half-written", async () => {
    await using rig = await createRig();
    await trainTiny(engine, rig);
    expect((await readdir(rig.checkpoints.directory)).sort()).toEqual(["step-000004", "step-000006"]);
  });

  test("a run that ended is not trained further", async () => {
    await using rig = await createRig();
    await stopAt(rig, totalSteps - 1);
    const first = await trainTiny(engine, rig);
    const source = numberedBatches();
    expect((await trainTiny(engine, rig, { source })).equals(first)).toBe(true);
    expect(source.given).toEqual([6]);
  });

  test.each<[string, (newest: string) => Promise<void>]>([
    ["cut short", (newest) => truncate(join(newest, "state.safetensors"), 1000)],
    ["without state", (newest) => rm(join(newest, "state.json"))],
    ["with half a state", (newest) => truncate(join(newest, "state.json"), 50)],
    ["of another format", (newest) => writeFile(join(newest, "state.json"), '{"formatVersion": 3}')],
    ["without tensors", (newest) => rm(join(newest, "state.safetensors"))],
    [
      "with one changed byte",
      async (newest) => {
        const bytes = await readFile(join(newest, "state.safetensors"));
        bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 1;
        await writeFile(join(newest, "state.safetensors"), bytes);
      },
    ],
  ])("a checkpoint %s is passed over, said so, and the older one used", async (_name, damage) => {
    await using straight = await createRig();
    const expected = await trainTiny(engine, straight);
    await using rig = await createRig();
    await stopAt(rig, 5);
    const newest = join(rig.checkpoints.directory, "step-000005");
    await damage(newest);
    const notices: TrainingNotice[] = [];
    const bytes = await trainTiny(engine, rig, { onNotice: (notice) => notices.push(notice) });
    expect(notices.slice(0, 2)).toMatchObject([
      { kind: "checkpointSkipped", path: newest, error: { code: "CHECKPOINT_DAMAGED" } },
      { kind: "resumed", step: 4 },
    ]);
    expect(bytes.equals(expected)).toBe(true);
    expect((await linesOf(rig)).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test("a checkpoint that a kill left half-written is never read", async () => {
    await using rig = await createRig();
    await stopAt(rig, 4);
    const { directory } = rig.checkpoints;
    await cp(join(directory, "step-000004"), join(directory, "step-000006.partial"), { recursive: true });
    await rename(join(directory, "step-000004"), join(directory, "step-000004.partial"));
    const notices: TrainingNotice[] = [];
    await trainTiny(engine, rig, { onNotice: (notice) => notices.push(notice) });
    expect(notices[0]).toMatchObject({ kind: "resumed", step: 2 });
  });

  test("metrics of steps that are taken again, and a torn last line, are dropped", async () => {
    await using straight = await createRig();
    await trainTiny(engine, straight);
    await using rig = await createRig();
    await stopAt(rig, 3);
    await appendFile(rig.metricsPath, '{"step":4,"loss":1}\n{"step":5,"lo');
    await trainTiny(engine, rig);
    expect(await linesOf(rig)).toEqual(await linesOf(straight));
  });

  test("a longer run goes on from where a finished one left the constant rate, to the bytes of a straight run", async () => {
    const warmupStableDecay = (steps: number) => ({
      totalSteps: steps,
      schedule: {
        kind: "warmupStableDecay",
        peak: 0.02,
        warmupSteps: 2,
        totalSteps: steps,
        decaySteps: 2,
        decay: "linear",
      } as const,
    });
    await using straight = await createRig();
    const expected = await trainTiny(engine, straight, warmupStableDecay(9));
    await using rig = await createRig();
    const checkpoints = { ...rig.checkpoints, keepLast: 1, milestone: 5 };
    await trainTiny(engine, rig, { ...warmupStableDecay(7), checkpoints });
    expect((await readdir(checkpoints.directory)).sort()).toEqual(["step-000005", "step-000006"]);
    await rm(join(checkpoints.directory, "step-000006"), { recursive: true });
    const source = numberedBatches();
    expect((await trainTiny(engine, rig, { ...warmupStableDecay(9), source })).equals(expected)).toBe(true);
    expect(source.given).toEqual([5, 6, 7, 8]);
    expect(await linesOf(rig)).toEqual(await linesOf(straight));
  });

  test("at a constant rate the last step is one to go on from", async () => {
    const constant = { schedule: { kind: "constant", peak: 0.02, warmupSteps: 2 } } as const;
    await using straight = await createRig();
    const expected = await trainTiny(engine, straight, { ...constant, totalSteps: 6 });
    await using rig = await createRig();
    const checkpoints = { ...rig.checkpoints, milestone: 3 };
    await trainTiny(engine, rig, { ...constant, totalSteps: 3, checkpoints });
    const source = numberedBatches();
    expect((await trainTiny(engine, rig, { ...constant, totalSteps: 6, source })).equals(expected)).toBe(
      true,
    );
    expect(source.given).toEqual([3, 4, 5]);
  });

  test("a checkpoint of a run with other settings is refused, naming the setting", async () => {
    await using rig = await createRig();
    await stopAt(rig, 3);
    await expect(
      trainTiny(engine, rig, { schedule: { kind: "constant", peak: 0.01, warmupSteps: 0 } }),
    ).rejects.toMatchObject({
      code: "CHECKPOINT_MISMATCH",
      message: expect.stringContaining("the learning rate of step 2 was 0.02 and is 0.01") as string,
    });
    await expect(trainTiny(engine, rig, { identity: { data: "other" } })).rejects.toThrow(
      'data was undefined and is "other"',
    );
  });

  test("a loss that is not finite stops the run by step, and is never saved", async () => {
    await using rig = await createRig();
    const batches = numberedBatches();
    const source = {
      ...batches,
      async next() {
        const batch = await batches.next();
        return batches.given.length < 4 ? batch : { ...batch, lossMask: batch.lossMask.map(() => NaN) };
      },
    };
    await expect(trainTiny(engine, rig, { source })).rejects.toMatchObject({
      code: "NON_FINITE_LOSS",
      message: expect.stringContaining("step 4") as string,
    });
    expect(await readdir(rig.checkpoints.directory)).toEqual(["step-000002"]);
    expect((await linesOf(rig)).map(({ step }) => step)).toEqual([1, 2, 3]);
  });

  test("weights go on from a file, and a report has what a progress line needs", async () => {
    await using rig = await createRig();
    await mkdir(rig.checkpoints.directory);
    await trainTiny(engine, rig);
    await using next = await createRig();
    const reports: StepReport[] = [];
    await trainTiny(engine, next, {
      initialWeights: { kind: "safetensors", path: join(rig.folder, "model.safetensors") },
      onStep: (report) => reports.push(report),
    });
    const [before, after] = [await linesOf(rig), reports];
    expect(after[0]?.loss).toBeLessThan(before[0]?.["loss"] ?? 0);
    expect(Object.keys(after[0] ?? {}).sort()).toEqual(
      ["gradientNorm", "learningRate", "loss", "step", "tokensSeen", "totalSteps"].sort(),
    );
  });

  test.each([
    [{ totalSteps: 0 }, "totalSteps is 0"],
    [{ gradientAccumulation: 0 }, "gradientAccumulation is 0"],
    [{ schedule: { kind: "cosine", peak: -1, warmupSteps: 0, totalSteps: 7 } as const }, "peak is -1"],
  ])("%j is refused", async (change, message) => {
    await using rig = await createRig();
    await expect(trainTiny(engine, rig, change)).rejects.toThrow(message);
  });
});
