import { expect, test } from "vitest";
import { shareDevices, visibleShares } from "../../../src/engine/replicas/device-shares.ts";

const gpu = { device: "gpu" } as const;
const cpu = { device: "cpu" } as const;

test("each device gets one of the accelerators that the process may use, by the names that it knows them by", () => {
  const { accelerators } = visibleShares({ CUDA_VISIBLE_DEVICES: "2,GPU-5a,0" });
  const shares = shareDevices(2, gpu, { accelerators, cores: 8 });
  expect(shares.map(({ env }) => env)).toEqual([
    { CUDA_VISIBLE_DEVICES: "2" },
    { CUDA_VISIBLE_DEVICES: "GPU-5a" },
  ]);
});

test("too few accelerators are refused with the number that would do", () => {
  const { accelerators } = visibleShares({ CUDA_VISIBLE_DEVICES: "1" });
  expect(() => shareDevices(2, gpu, { accelerators, cores: 8 })).toThrow(
    expect.objectContaining({
      code: "DEVICES_UNAVAILABLE",
      hint: expect.stringContaining("devices to 1") as string,
    }),
  );
});

test.each([
  { cores: 8, threads: 2 },
  { cores: 7, threads: 2 },
  { cores: 2, threads: 1 },
])(
  "without accelerators three devices share $cores cores evenly, and there are three",
  ({ cores, threads }) => {
    const accelerators = visibleShares({ CUDA_VISIBLE_DEVICES: "-1" }).accelerators;
    expect(accelerators).toEqual([]);
    expect(shareDevices(3, cpu, { accelerators, cores })).toEqual([
      { env: {}, threads },
      { env: {}, threads },
      { env: {}, threads },
    ]);
  },
);
