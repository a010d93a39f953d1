/** What of the machine each device is: an accelerator of those that this process may use, or a share of the cores. */
import { existsSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { userError } from "../../errors.ts";
import type { EngineIdentity } from "../engine.ts";

export interface DeviceShare {
  /** Of the process that computes on it, beside this process's own. */
  readonly env: Readonly<Record<string, string>>;
  /** Native threads. All devices have as many: sums in another order would let them drift apart. */
  readonly threads: number;
}

export interface MachineShares {
  /** As CUDA_VISIBLE_DEVICES names them. */
  readonly accelerators: readonly string[];
  readonly cores: number;
}

/** Throws `DEVICES_UNAVAILABLE` where an engine that uses accelerators has too few; cores always suffice. */
export function shareDevices(
  count: number,
  { device }: Pick<EngineIdentity, "device">,
  { accelerators, cores }: MachineShares = visibleShares(),
): DeviceShare[] {
  const threads = Math.max(1, Math.floor(cores / count));
  if (device === "cpu") return Array.from({ length: count }, () => ({ env: {}, threads }));
  if (accelerators.length < count)
    throw userError(
      "DEVICES_UNAVAILABLE",
      `devices is ${count}, but this process may use ${accelerators.length} accelerators`,
      `Set devices to ${accelerators.length}: the step stays as large, but its gradients are summed in another order.`,
    );
  return accelerators.slice(0, count).map((id) => ({ env: { CUDA_VISIBLE_DEVICES: id }, threads }));
}

const driverDevices = "/proc/driver/nvidia/gpus";

/** The runner names the accelerators of a stage in CUDA_VISIBLE_DEVICES; without it all are there to use. */
export function visibleShares(
  env: Readonly<Record<string, string | undefined>> = process.env,
): MachineShares {
  const named = env["CUDA_VISIBLE_DEVICES"];
  const all = existsSync(driverDevices) ? readdirSync(driverDevices) : [];
  const accelerators =
    named === undefined
      ? all.map((_, index) => String(index))
      : named.split(",").filter((id) => id !== "" && id !== "-1");
  return { accelerators, cores: availableParallelism() };
}
