/** Opens an engine on one device, or on several that share the micro-batches of a step. */
import { tmpdir } from "node:os";
import type { Engine } from "./engine.ts";
import { openEngine, type OpenEngineOptions } from "./open-engine.ts";
import { engineStatus } from "./provision/engine-status.ts";
import { linkEngine } from "./provision/link-engine.ts";
import { createReplicatedEngine } from "./replicas/replicated-engine.ts";

export interface OpenDevicesOptions extends Omit<OpenEngineOptions, "threads"> {
  readonly devices: number;
  /** Where gradients pass through if there is no room in memory; default: the system's folder for temporary files. */
  readonly scratchDirectory?: string | undefined;
  /** Told what may make it slow. */
  readonly onNote?: ((message: string) => void) | undefined;
}

const sharedMemory = "/dev/shm";

/** Throws what `openEngine` does, and `DEVICES_UNAVAILABLE`. With several devices this process computes nothing itself. */
export async function openDevices({
  devices,
  scratchDirectory = tmpdir(),
  onNote = () => undefined,
  ...engine
}: OpenDevicesOptions): Promise<Engine> {
  if (devices === 1) return openEngine(engine);
  const { chosen } = await engineStatus(engine.kind);
  // Once, here: not by all replicas at the same time.
  if (chosen.kind === "tensorflow") await linkEngine();
  return createReplicatedEngine({
    count: devices,
    identity: chosen,
    engine: { ...engine, kind: chosen.kind },
    places: [sharedMemory, scratchDirectory],
    onNote,
  });
}
