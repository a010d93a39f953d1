/** Graphics processors that people train on: what their makers' sheets promise, and whether a training fits. */
import type { Recompute } from "../model/llama.ts";

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

/**
 * Share of the TF32 peak that small models reach with a careful program. Values are float32; their products are TF32 in the
 * tensor cores, as TensorFlow has them on such GPUs unless NVIDIA_TF32_OVERRIDE=0 forbids it.
 */
export const assumedUtilisation = 0.3;

/** Of a device's memory: the rest is the driver's and the libraries'. */
const usableShare = 0.9;

/**
 * Bytes a second of all devices' gradients, when they pass them on and add them up: measured with two devices on two cores of a
 * virtual machine (docs/log.md). GPUs copy between their memory and the host's besides, which was not measured.
 */
export const gradientBytesPerSecond = 1.3e9;

export interface DeviceEstimate {
  readonly device: string;
  /** Of one device. */
  readonly memoryBytes: number;
  /** What stages must compute again to fit, beyond what the recipe says. */
  readonly needs: readonly { readonly stage: string; readonly recompute: Recompute }[];
  /** Stages that do not fit even so. */
  readonly tooLarge: readonly string[];
  /** Of pretraining, with what it needs; where it does not fit, as if it did. */
  readonly tokensPerSecond: number;
  readonly tokensPerDay: number;
  readonly hours: number;
}

/** What a stage costs as it is written or with more computed again. */
export interface StageChoice {
  readonly recompute: Recompute;
  /** Of one device. */
  readonly memoryBytes: number;
  /** Really computed, what is computed again included. */
  readonly flopsPerToken: number;
}

export interface StageWork {
  readonly stage: string;
  /** The recipe's own first, then those that take less memory. */
  readonly choices: readonly [StageChoice, ...StageChoice[]];
}

export interface TrainingWork {
  readonly tokens: number;
  readonly tokensPerStep: number;
  /** Bytes that each device has to add to those of the others at each step. */
  readonly gradientBytes: number;
  /** How many share each step. */
  readonly devices: number;
  readonly pretrain: StageWork;
  readonly tuning: readonly StageWork[];
}

export function estimateOn(device: NamedDevice, work: TrainingWork): DeviceEstimate {
  const usable = device.memoryBytes * usableShare;
  const fitting = ({ choices }: StageWork) => choices.find(({ memoryBytes }) => memoryBytes <= usable);
  const stages = [work.pretrain, ...work.tuning].map((each) => ({ ...each, fitting: fitting(each) }));
  const { flopsPerToken } = fitting(work.pretrain) ?? work.pretrain.choices[0];
  const products =
    (work.tokensPerStep * flopsPerToken) / (work.devices * device.tf32FlopsPerSecond * assumedUtilisation);
  const exchange = work.devices === 1 ? 0 : (work.devices * work.gradientBytes) / gradientBytesPerSecond;
  const tokensPerSecond = work.tokensPerStep / (products + exchange);
  return {
    device: work.devices === 1 ? device.name : `${work.devices} × ${device.name}`,
    memoryBytes: device.memoryBytes,
    needs: stages.flatMap(({ stage, fitting: found, choices: [own] }) =>
      found === undefined || found === own ? [] : [{ stage, recompute: found.recompute }],
    ),
    tooLarge: stages.filter((each) => each.fitting === undefined).map(({ stage }) => stage),
    tokensPerSecond,
    tokensPerDay: tokensPerSecond * 86_400,
    hours: work.tokens / tokensPerSecond / 3600,
  };
}
