/** CUDA's libraries in a build, for people and for identities. */
import { digestOf } from "../../std/digest.ts";
import type { BuildRecord } from "./engine-build.ts";

type CudaWheels = NonNullable<BuildRecord["cudaWheels"]>;

const versionOf = (wheels: CudaWheels, name: RegExp): string | undefined =>
  wheels.find(({ project }) => name.test(project))?.version;

/** E.g. `CUDA 12.9.79, cuDNN 9.14.0.64`; undefined where they are not part of the build. */
export function cudaText({ cudaWheels }: Pick<BuildRecord, "cudaWheels">): string | undefined {
  if (cudaWheels === undefined) return undefined;
  const cuda = versionOf(cudaWheels, /^nvidia-cuda-runtime(-cu\d+)?$/u) ?? "of unknown version";
  const cudnn = versionOf(cudaWheels, /^nvidia-cudnn(-cu\d+)?$/u);
  return `CUDA ${cuda}${cudnn === undefined ? "" : `, cuDNN ${cudnn}`}`;
}

/**
 * What stands behind TensorFlow's version in the identity of an engine that brings CUDA: its version and a digest of all
 * its wheels, because any of them may decide the bytes of a result. Empty where CUDA is not part of the build.
 */
export function cudaLabel({ cudaWheels }: Pick<BuildRecord, "cudaWheels">): string {
  if (cudaWheels === undefined) return "";
  const digest = digestOf(cudaWheels.map(({ file, sha256 }) => `${sha256}  ${file}\n`).join(""));
  const cuda = versionOf(cudaWheels, /^nvidia-cuda-runtime(-cu\d+)?$/u) ?? "";
  return `+cuda${cuda}.${digest.slice(0, 8)}`;
}
