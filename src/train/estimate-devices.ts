/** Graphics processors that people train on: what their makers' sheets promise, and whether a training fits. */

export interface NamedDevice {
  readonly name: string;
  readonly memoryBytes: number;
  /** Dense products a second with float32 in memory and TF32 inside the tensor cores. */
  readonly tf32FlopsPerSecond: number;
  /** Dense bfloat16 with float32 sums: what mixed precision would have. */
  readonly bf16FlopsPerSecond: number;
}

const gigabyte = 2 ** 30;
const tera = 1e12;

/** Peaks without sparsity. */
export const namedDevices: readonly NamedDevice[] = [
  // NVIDIA Ampere GA102 GPU Architecture whitepaper, appendix A (GeForce RTX 3080 10 GB and RTX 3090).
  {
    name: "RTX 3080",
    memoryBytes: 10 * gigabyte,
    tf32FlopsPerSecond: 29.8 * tera,
    bf16FlopsPerSecond: 59.5 * tera,
  },
  {
    name: "RTX 3090",
    memoryBytes: 24 * gigabyte,
    tf32FlopsPerSecond: 35.6 * tera,
    bf16FlopsPerSecond: 71 * tera,
  },
  // NVIDIA Ada GPU Architecture whitepaper, appendix A.
  {
    name: "RTX 4090",
    memoryBytes: 24 * gigabyte,
    tf32FlopsPerSecond: 82.6 * tera,
    bf16FlopsPerSecond: 165.2 * tera,
  },
  // NVIDIA A100 Tensor Core GPU data sheet (80 GB SXM).
  {
    name: "A100 80 GB",
    memoryBytes: 80 * gigabyte,
    tf32FlopsPerSecond: 156 * tera,
    bf16FlopsPerSecond: 312 * tera,
  },
  // NVIDIA H100 Tensor Core GPU Architecture whitepaper, table of H100 SXM5.
  {
    name: "H100 SXM",
    memoryBytes: 80 * gigabyte,
    tf32FlopsPerSecond: 494.7 * tera,
    bf16FlopsPerSecond: 989.4 * tera,
  },
];

/** Share of the TF32 peak that small models reach with a careful program. The engine computes in float32 today. */
export const assumedUtilisation = 0.3;

/** Of a device's memory: the rest is the driver's and the libraries'. */
const usableShare = 0.9;

export interface DeviceEstimate {
  readonly device: string;
  readonly memoryBytes: number;
  readonly fits: "yes" | "with blocks computed again" | "no";
  readonly tokensPerSecond: number;
  readonly tokensPerDay: number;
  readonly hours: number;
}

export interface TrainingWork {
  readonly tokens: number;
  readonly memoryBytes: number;
  /** Where the recipe said `recompute: blocks`. */
  readonly memoryBytesRecomputing: number;
  /** Really computed, what is computed again included. */
  readonly flopsPerToken: number;
  /** How many of them share each step; memory is of one. */
  readonly devices: number;
}

export function estimateOn(device: NamedDevice, work: TrainingWork): DeviceEstimate {
  const usable = device.memoryBytes * usableShare;
  const tokensPerSecond =
    (work.devices * device.tf32FlopsPerSecond * assumedUtilisation) / work.flopsPerToken;
  return {
    device: work.devices === 1 ? device.name : `${work.devices} × ${device.name}`,
    memoryBytes: device.memoryBytes,
    fits:
      work.memoryBytes <= usable
        ? "yes"
        : work.memoryBytesRecomputing <= usable
          ? "with blocks computed again"
          : "no",
    tokensPerSecond,
    tokensPerDay: tokensPerSecond * 86_400,
    hours: work.tokens / tokensPerSecond / 3600,
  };
}
