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

/** `used`: what the engine computes on. */
export function gpuFinding(gpus: readonly Gpu[], used: "cpu" | "gpu"): Finding {
  if (gpus.length === 0)
    return { name: "cuda", level: "ok", message: "no NVIDIA device; training runs on the CPU" };
  const message = `${countOf(gpus.length, "device")}: ${gpus
    .map(({ name, memoryBytes, driver }) => `${name} (${formatBytes(memoryBytes)}, driver ${driver})`)
    .join(", ")}`;
  if (used === "gpu") return { name: "cuda", level: "ok", message };
  return {
    name: "cuda",
    level: "warn",
    message: `${message}; the engine does not use it`,
    hint: "npx pipeline engine install, on a machine with CUDA's libraries",
  };
}
