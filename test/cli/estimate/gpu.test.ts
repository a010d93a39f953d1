import { expect, test } from "vitest";
import { gpuFinding, parseGpus } from "../../../src/cli/doctor/examine-gpu.ts";
import { cpuFeaturesText, nodeFinding } from "../../../src/cli/doctor/examine-machine.ts";
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

const facts = { gpus: parseGpus(two), used: "cpu", cuda: undefined, missingDriver: undefined } as const;

test("a device that the engine leaves idle is a warning, with what to do about it", () => {
  expect(gpuFinding({ ...facts, used: "gpu" }).level).toBe("ok");
  expect(gpuFinding(facts)).toMatchObject({
    level: "warn",
    message: expect.stringContaining("does not use") as string,
    hint: "npx pipeline engine install --gpu",
  });
  expect(gpuFinding({ ...facts, cuda: "CUDA 12.9.79" })).toMatchObject({
    level: "warn",
    hint: expect.stringContaining("CUDA_VISIBLE_DEVICES") as string,
  });
});

test("without a device it says what the engine has of CUDA and what is missing of the driver", () => {
  const none = { ...facts, gpus: [], cuda: "CUDA 12.9.79", missingDriver: "libcuda.so.1: no such file" };
  expect(gpuFinding(none)).toEqual({
    name: "cuda",
    level: "ok",
    message:
      "the engine has CUDA 12.9.79; no NVIDIA device and no driver (libcuda.so.1: no such file); training runs on the CPU",
  });
});

test("instructions are named by what the system says of its processor", () => {
  expect(cpuFeaturesText("processor: 0\nflags\t\t: fpu avx avx2 fma avx512f\n")).toEqual([
    "for TensorFlow: AVX2, FMA, AVX-512",
  ]);
  expect(cpuFeaturesText("flags: fpu sse2\n")).toEqual([
    "neither AVX2 nor NEON: native TensorFlow may be slow",
  ]);
  expect(cpuFeaturesText("")).toEqual([]);
});

test.each([
  ["v20.18.3", "fail"],
  ["v20.19.0", "ok"],
  ["v22.23.5", "ok"],
  ["v23.1.0", "warn"],
  ["v24.22.3", "ok"],
  ["v25.0.0", "warn"],
])("Node %s: %s", (version, level) => {
  expect(nodeFinding(version).level).toBe(level);
});

test("oneDNN is on unless the environment switches it off", () => {
  expect(oneDnnText({})).toBe("oneDNN on");
  expect(oneDnnText({ TF_ENABLE_ONEDNN_OPTS: "0" })).toContain("off");
});
