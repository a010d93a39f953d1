/** NVIDIA devices, as the driver's own tool names them; none where there is no such tool. */
import { execa } from "execa";
import { countOf, formatBytes } from "../../report/quantity.ts";
import type { Finding } from "./finding.ts";

export interface Gpu {
  readonly name: string;
  readonly memoryBytes: number;
  readonly driver: string;
}

export async function findGpus(): Promise<readonly Gpu[]> {
  const query = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits"];
  const { failed, stdout } = await execa("nvidia-smi", query, { reject: false, timeout: 10_000 });
  return failed ? [] : parseGpus(stdout);
}

/** Lines such as `NVIDIA GeForce RTX 3080, 10240, 550.54`; memory in MiB. What does not look so is no device. */
export function parseGpus(text: string): readonly Gpu[] {
  return text.split("\n").flatMap((line): Gpu[] => {
    const [name = "", mebibytes = "", driver = ""] = line.split(",").map((part) => part.trim());
    return /^\d+$/.test(mebibytes) ? [{ name, memoryBytes: Number(mebibytes) * 2 ** 20, driver }] : [];
  });
}

export interface CudaFacts {
  readonly gpus: readonly Gpu[];
  /** What the engine computes on. */
  readonly used: "cpu" | "gpu";
  /** What the engine brings of CUDA, e.g. `CUDA 12.9.79`. */
  readonly cuda: string | undefined;
  /** Why the driver's library cannot be loaded. */
  readonly missingDriver: string | undefined;
}

export function gpuFinding({ gpus, used, cuda, missingDriver }: CudaFacts): Finding {
  const engine = cuda === undefined ? [] : [`the engine has ${cuda}`];
  if (gpus.length === 0) {
    const driver = missingDriver === undefined ? "a driver" : `no driver (${missingDriver})`;
    const parts = [...engine, `no NVIDIA device and ${driver}`, "training runs on the CPU"];
    return { name: "cuda", level: "ok", message: parts.join("; ") };
  }
  const devices = `${countOf(gpus.length, "device")}: ${gpus
    .map(({ name, memoryBytes, driver }) => `${name} (${formatBytes(memoryBytes)}, driver ${driver})`)
    .join(", ")}`;
  const message = [...engine, devices].join("; ");
  if (used === "gpu") return { name: "cuda", level: "ok", message };
  return {
    name: "cuda",
    level: "warn",
    message: `${message}; the engine does not use it`,
    hint:
      cuda === undefined
        ? "npx pipeline engine install --gpu"
        : missingDriver === undefined
          ? "CUDA_VISIBLE_DEVICES or the device files hide it: look at nvidia-smi and /dev/nvidia*"
          : `NVIDIA's driver cannot be loaded: ${missingDriver}`,
  };
}
