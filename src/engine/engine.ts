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
  /** Native threads that share an operation, where how many they are may show in the last bits: not in the identity (ADR 0023). */
  readonly threadsPerOperation?: number | undefined;
  /** Makes a program runnable. Variables start as zeros. */
  compile(program: Program): Promise<Executable>;
  /** Where there are several; `compile` then uses the first. */
  readonly devices?: Devices;
}

export type Feeds = Readonly<Record<string, HostTensor>>;
export type Fetches = Readonly<Record<string, HostTensor>>;

/** Several devices that each hold a program with variables of their own: data parallelism (ADR 0025). */
export interface Devices {
  readonly count: number;
  /** `summed`: the float32 variables that `callShares` will add up. Throws what `compile` does, `SHARED_MEMORY_FULL`. */
  compile(program: Program, summed: readonly string[]): Promise<ReplicatedExecutable>;
}

/**
 * One program on several devices. `call` runs a function with effects on all of them and any other on the first; a
 * variable is written to all. Reading one throws `REPLICAS_DIVERGED` where they do not hold the same bits.
 */
export interface ReplicatedExecutable extends Executable {
  /**
   * Calls `name` with each of `shares[device]` in turn, all devices at once; then the summed variables hold, on every
   * device, their sum over the devices, added up in the order of the devices.
   */
  callShares(name: string, shares: readonly (readonly Feeds[])[]): Promise<void>;
  /**
   * Calls `name`, which must have no effects, with each of `feeds`: the first on the first device, and so on around, all
   * devices at once. Fetches in the order of `feeds`.
   */
  callEach(name: string, feeds: readonly Feeds[]): Promise<readonly Fetches[]>;
}

/** A compiled program and its variables. Calls must not overlap. */
export interface Executable extends AsyncDisposable {
  /** Runs one function: feeds by name in, fetches by name out. Throws `UNKNOWN_FUNCTION`, `FEED_MISMATCH`. */
  call(name: string, feeds: Feeds): Promise<Fetches>;
  readVariable(name: string): Promise<HostTensor>;
  writeVariable(name: string, value: HostTensor): Promise<void>;
}
