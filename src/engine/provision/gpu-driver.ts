/** Whether this process could load NVIDIA's driver library, without which no program computes on a GPU. */

/** Comes with the driver, never with CUDA's wheels. */
export const DRIVER_LIBRARY = "libcuda.so.1";

/** Why it cannot be loaded, in the words of the system's linker; undefined where it can. Linux only. */
export function missingDriver(): string | undefined {
  try {
    process.dlopen({ exports: {} }, DRIVER_LIBRARY);
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    // Node loads the library, finds that it is no addon, and closes it again: it is there.
    return reason.includes("did not self-register") ? undefined : reason;
  }
}
