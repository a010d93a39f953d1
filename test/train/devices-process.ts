/** A process that trains on two devices without end, and says when it has begun. Not a test. */
import { openDevices } from "../../src/engine/open-devices.ts";
import { createRig, trainTiny } from "./training-rig.ts";

await using rig = await createRig();
await trainTiny(await openDevices({ kind: "wasm", devices: 2 }), rig, {
  gradientAccumulation: 2,
  totalSteps: 1_000_000,
  schedule: { kind: "constant", peak: 0.001, warmupSteps: 0 },
  onStep: ({ step }) => {
    if (step === 2) console.log("begun");
  },
});
