/** Fine-tuning and preference training on real sources of data, on two devices: what one device makes, and resumed the same. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { openDevices } from "../../src/engine/open-devices.ts";
import { openSafetensors } from "../../src/model/safetensors.ts";
import { openExecutor } from "../model/executors.ts";
import { realJobs, totalSteps, trainToEnd, type Job, type Watch } from "./real-jobs.ts";
import { createRig, type Rig } from "./training-rig.ts";

const watching: Watch = (source) => source;
const jobs = realJobs(() => {
  throw new Error("neither job reads shards");
}).filter(({ name }) => ["fine-tuning", "preference training"].includes(name));
const devices = await openDevices({ kind: "wasm", devices: 2 });

/** The names of tensors in a state file, with their bits. */
async function tensorsIn(path: string) {
  await using file = await openSafetensors(path);
  const tensors: [string, unknown][] = [];
  for (const { name } of file.entries) tensors.push([name, await file.read(name)]);
  return tensors;
}
const last = `step-${String(totalSteps).padStart(6, "0")}`;
const weightsAndMoments = ({ checkpoints }: Rig) =>
  tensorsIn(join(checkpoints.directory, last, "state.safetensors"));
const reference = ({ checkpoints }: Rig) =>
  tensorsIn(join(checkpoints.directory, "reference-log-probabilities.safetensors"));

test.each(jobs)(
  "$name on two devices has the weights, moments and losses of one, stopped after any step or not",
  async (job) => {
    await using one = await createRig();
    await using two = await createRig();
    const { metrics } = await trainToEnd(job, await openExecutor("wasm"), one, {}, watching);
    const straight = await trainToEnd(job, devices, two, {}, watching);
    expect(straight.metrics).toBe(metrics);
    expect(await weightsAndMoments(two)).toEqual(await weightsAndMoments(one));

    for (let stop = 1; stop < totalSteps; stop++) {
      await using rig = await createRig();
      const controller = new AbortController();
      const stopping = {
        signal: controller.signal,
        onStep: ({ step }: { step: number }) => step === stop && controller.abort(),
      };
      await expect(trainToEnd(job, devices, rig, stopping, watching)).rejects.toMatchObject({
        code: "INTERRUPTED",
        message: `training was interrupted after step ${stop} of ${totalSteps}`,
      });
      expect([stop, await trainToEnd(job, devices, rig, {}, watching)]).toEqual([stop, straight]);
    }
  },
  120_000,
);

const named = (name: string): Job => {
  const job = jobs.find((each) => each.name === name);
  if (job === undefined) throw new Error(`no job is called ${name}`);
  return job;
};

test("the reference's log-probabilities, a batch a device at a time, are those of one device", async () => {
  await using one = await createRig();
  await using two = await createRig();
  await trainToEnd(named("preference training"), await openExecutor("wasm"), one, {}, watching);
  await trainToEnd(named("preference training"), devices, two, {}, watching);
  const expected = await reference(one);
  expect(expected.map(([name]) => name).sort()).toEqual(["chosen", "rejected"]);
  expect(await reference(two)).toEqual(expected);
});
