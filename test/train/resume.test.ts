/** Stopped or killed anywhere and resumed, a run ends in the bytes of one that was left alone: weights, moments, cursor, metrics. */
import { describe, expect, test } from "vitest";
import { everyExecutor, openExecutor } from "../model/executors.ts";
import { openMixedShards } from "../data/loader/mixed-shards.ts";
import type { TokenShards } from "../../src/data/shards/open-shards.ts";
import type { StepReport } from "../../src/train/training-options.ts";
import { realJobs, totalSteps, trainToEnd, type Watch } from "./real-jobs.ts";
import { createRig, type Rig } from "./training-rig.ts";

const watching: Watch = (source) => source;

/** Fails as the machine would, when the `place`-th micro-batch is asked for: nothing is written any more. */
const killAt =
  (place: number): Watch =>
  (source) => {
    let asked = 0;
    const next = source.next.bind(source);
    const spoilt = () => (asked++ === place ? Promise.reject(new Error("killed")) : next());
    return Object.assign(source, { next: spoilt });
  };

/** Stops after `step` steps, in the order that the loop reports them. */
function stopAfter(step: number) {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    onStep: (report: StepReport) => {
      if (report.step === step) controller.abort();
    },
  };
}

/** All places on wasm; some, at both ends and within, on TensorFlow, which takes long to compile, and in JavaScript, which is slow. */
const places = (kind: string, count: number): number[] => {
  const all = Array.from({ length: count }, (_, place) => place);
  return kind === "wasm" ? all : all.filter((place) => place % 4 === 1 || place === count - 1);
};

describe.each(everyExecutor)("on %s", async (kind) => {
  const engine = await openExecutor(kind);
  let shards: TokenShards | undefined;
  const jobs = realJobs(() => {
    if (shards === undefined) throw new Error("the shards are not open");
    return shards;
  });

  test.each(jobs)(
    "$name",
    async (job) => {
      shards = await openMixedShards();
      await using straight = await createRig();
      const expected = await trainToEnd(job, engine, straight, {}, watching);
      expect(expected.metrics.trimEnd().split("\n")).toHaveLength(totalSteps);
      const resumed = (rig: Rig) => trainToEnd(job, engine, rig, {}, watching);

      for (const stop of places(kind, totalSteps - 1).map((place) => place + 1)) {
        await using rig = await createRig();
        await expect(trainToEnd(job, engine, rig, stopAfter(stop), watching)).rejects.toMatchObject({
          code: "INTERRUPTED",
          message: `training was interrupted after step ${stop} of ${totalSteps}`,
        });
        expect([stop, await resumed(rig)]).toEqual([stop, expected]);
      }
      // Also between the micro-batches of a step, whose sums are lost.
      for (const place of places(kind, totalSteps * job.gradientAccumulation)) {
        await using rig = await createRig();
        await expect(trainToEnd(job, engine, rig, {}, killAt(place))).rejects.toThrow("killed");
        expect([place, await resumed(rig)]).toEqual([place, expected]);
      }
    },
    240_000,
  );
});
