/** The memory that programs may use here, in bytes. */
import { totalmem } from "node:os";

/** A container's limit counts, not the host's memory. 0 and absurd values mean: no limit. */
export function machineMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}
