/**
 * What an executor offers. Two exist: native TensorFlow (tensorflow/) and the tfjs interpreter
 * (interpreter/); everything above speaks to this interface only.
 */
import type { Program } from "../tensor/program.ts";
import type { HostTensor } from "../tensor/types.ts";

export interface EngineIdentity {
  readonly kind: "tensorflow" | "wasm" | "cpu";
  /** Version of the library that computes, e.g. TensorFlow "2.21.0" or tfjs "4.22.0". */
  readonly version: string;
  readonly device: "cpu" | "gpu";
}

export interface Engine {
  readonly identity: EngineIdentity;
  /** Makes a program runnable. Variables start as zeros. */
  compile(program: Program): Promise<Executable>;
}

/** A compiled program and its variables. Calls must not overlap. */
export interface Executable extends AsyncDisposable {
  /** Runs one function: feeds by name in, fetches by name out. Throws `UNKNOWN_FUNCTION`, `FEED_MISMATCH`. */
  call(
    name: string,
    feeds: Readonly<Record<string, HostTensor>>,
  ): Promise<Readonly<Record<string, HostTensor>>>;
  readVariable(name: string): Promise<HostTensor>;
  writeVariable(name: string, value: HostTensor): Promise<void>;
}
