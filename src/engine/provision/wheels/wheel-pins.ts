/**
 * The official TensorFlow wheels that the native engine is built from, by platform, with the digests that
 * the Python package index publishes for them. Only the C++ libraries and headers are used, so one CPython
 * tag serves whatever Python the machine has.
 */
export interface WheelPin {
  /** Requirement name on the package index. */
  readonly project: string;
  readonly version: string;
  readonly file: string;
  readonly sha256: string;
  /** Size, for progress. */
  readonly megabytes: number;
  readonly pythonVersion: string;
  readonly abi: string;
  /** Wheel platform tag; manylinux_2_27 needs glibc ≥ 2.27. */
  readonly platform: string;
}

export const WHEEL_TENSORFLOW_VERSION = "2.21.0";

const shared = { version: WHEEL_TENSORFLOW_VERSION, pythonVersion: "3.11", abi: "cp311" } as const;

/** By `process.platform`-`process.arch`. */
export const WHEEL_PINS: Readonly<Record<string, WheelPin>> = {
  "linux-x64": {
    ...shared,
    project: "tensorflow-cpu",
    file: "tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl",
    sha256: "2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c",
    megabytes: 274,
    platform: "manylinux_2_27_x86_64",
  },
  // tensorflow-cpu has no wheel for arm64; there, `tensorflow` itself is the CPU build.
  "linux-arm64": {
    ...shared,
    project: "tensorflow",
    file: "tensorflow-2.21.0-cp311-cp311-manylinux_2_27_aarch64.whl",
    sha256: "4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c",
    megabytes: 282,
    platform: "manylinux_2_27_aarch64",
  },
};

/** TensorFlow's build with CUDA; which of CUDA's own wheels go with it, its metadata says under `extra`. */
export interface CudaWheelPin extends Pick<WheelPin, "project" | "version" | "file" | "sha256"> {
  readonly extra: string;
}

/** There is none for arm64. */
export const CUDA_WHEEL_PINS: Readonly<Record<string, CudaWheelPin>> = {
  "linux-x64": {
    version: WHEEL_TENSORFLOW_VERSION,
    project: "tensorflow",
    file: "tensorflow-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl",
    sha256: "9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124",
    extra: "and-cuda",
  },
};
