import { expect, test } from "vitest";
import { gpuFinding, parseGpus } from "../../../src/cli/doctor/examine-gpu.ts";
import { oneDnnText } from "../../../src/cli/doctor/examine-project.ts";

const two = "NVIDIA GeForce RTX 3080, 10240, 550.54.14\nNVIDIA GeForce RTX 3080, 10240, 550.54.14\n";

test("devices are read as the driver's tool lists them, and what is no list is no device", () => {
  expect(parseGpus(two)).toHaveLength(2);
  expect(parseGpus(two)[0]).toEqual({
    name: "NVIDIA GeForce RTX 3080",
    memoryBytes: 10 * 2 ** 30,
    driver: "550.54.14",
  });
  expect(parseGpus("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.")).toEqual(
    [],
  );
});

test("a device that the engine leaves idle is a warning", () => {
  expect(gpuFinding([], "cpu").level).toBe("ok");
  expect(gpuFinding(parseGpus(two), "gpu").level).toBe("ok");
  expect(gpuFinding(parseGpus(two), "cpu")).toMatchObject({
    level: "warn",
    message: expect.stringContaining("does not use") as string,
  });
});

test("oneDNN is on unless the environment switches it off", () => {
  expect(oneDnnText({})).toBe("oneDNN on");
  expect(oneDnnText({ TF_ENABLE_ONEDNN_OPTS: "0" })).toContain("off");
});
