import { expect, test } from "vitest";
import { gpuLine } from "../../../src/cli/text/engine-text.ts";

test("why no GPU is visible is said: the driver, the environment, or the device itself", () => {
  const missing = "libcuda.so.1: cannot open shared object file: No such file or directory";
  expect(gpuLine([], missing, undefined)).toEqual({
    visible: false,
    text: `no GPU visible: NVIDIA's driver is missing (${missing}); until then it computes on the CPU`,
  });
  expect(gpuLine(["X"], undefined, "-1").text).toBe(
    "no GPU visible: CUDA_VISIBLE_DEVICES=-1 hides all of them",
  );
  expect(gpuLine([], undefined, undefined).text).toContain("nvidia-smi names no device");
  expect(gpuLine(["RTX 3080 (driver 550.54)"], undefined, "0")).toEqual({
    visible: true,
    text: "GPU: RTX 3080 (driver 550.54)",
  });
});
