/** What this machine has for a training: the engine, the memory it computes in, and free disk. */
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import type { EngineIdentity } from "../../engine/engine.ts";
import { engineStatus } from "../../engine/provision/engine-status.ts";
import { folderSize } from "../doctor/folder-size.ts";
import { findGpus } from "../doctor/examine-gpu.ts";
import { machineMemory } from "../doctor/machine-memory.ts";

export interface Machine {
  readonly engine: EngineIdentity;
  /** Of the device that computes. */
  readonly memoryBytes: number;
  /** On the project's disk, with what the project's cache holds already. */
  readonly diskBytes: number;
}

export async function examineForTraining(projectRoot: string): Promise<Machine> {
  const [{ chosen }, disk, cache] = await Promise.all([
    engineStatus(),
    statfs(projectRoot),
    folderSize(join(projectRoot, "cache")),
  ]);
  const [gpu] = chosen.device === "gpu" ? await findGpus() : [];
  return {
    engine: chosen,
    memoryBytes: gpu?.memoryBytes ?? machineMemory(),
    diskBytes: disk.bavail * disk.bsize + cache.bytes,
  };
}
