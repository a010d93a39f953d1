/**
 * Way 3, on request: the official TensorFlow wheel with CUDA, and CUDA's libraries out of NVIDIA's own wheels. The
 * build lies as a Python installation does (deps/lib beside deps/nvidia), so that TensorFlow's run paths lead to
 * CUDA's libraries, and XLA finds ptxas and libdevice, without any variable in the environment. Needs no GPU to install.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { compileBinding, checkTools } from "./compile-binding.ts";
import { platformName, type BuildRecord } from "./engine-build.ts";
import { wayFailed, type InstallContext } from "./install-context.ts";
import { runTool } from "./run-tool.ts";
import { collectCudaWheels } from "./wheels/collect-cuda-wheels.ts";
import { pipIndex } from "./wheels/package-index.ts";
import type { LinuxPlatform } from "./wheels/wheel-name.ts";
import { CUDA_WHEEL_PINS } from "./wheels/wheel-pins.ts";

/** Leaves `lib/`, `deps/lib/` and `deps/nvidia/` in `target`. Throws `ENGINE_WAY_FAILED`, `DIGEST_MISMATCH`, `ABORTED`. */
export async function buildFromCudaWheels(
  context: InstallContext,
  target: string,
): Promise<Pick<BuildRecord, "source" | "cudaWheels">> {
  const pin = CUDA_WHEEL_PINS[platformName()];
  if (pin === undefined) throw wayFailed(`there is no TensorFlow wheel with CUDA for ${platformName()}`);
  const platform = thisLinux();
  const compiler = await checkTools(context);
  const index = await pipIndex(context);
  const tensorflowFolder = join(context.workFolder, "wheel");
  const cudaFolder = join(target, "deps");
  await mkdir(context.downloadFolder, { recursive: true });
  const { downloadFolder } = context;
  const request = { index, pin, platform, downloadFolder, tensorflowFolder, cudaFolder };
  const cudaWheels = await collectCudaWheels(context, request);
  await compileBinding(context, compiler, tensorflowFolder, target);
  await loadLibraries(context, join(cudaFolder, "nvidia"));
  return { source: { file: pin.file, sha256: pin.sha256 }, cudaWheels: [...cudaWheels] };
}

const reportSchema = z.object({ header: z.object({ glibcVersionRuntime: z.string().optional() }) });

function thisLinux(): LinuxPlatform {
  const version = reportSchema.parse(process.report.getReport()).header.glibcVersionRuntime;
  const [, major, minor] = /^(\d+)\.(\d+)/u.exec(version ?? "") ?? [];
  if (major === undefined)
    throw wayFailed("the wheels with CUDA need the GNU C library, and this Node runs on another");
  return { arch: process.arch, glibc: [Number(major), Number(minor)] };
}

// Each in turn, as TensorFlow does when it finds a device: by path, with what the library itself needs.
const LOAD = `
import ctypes, glob, os, sys
paths = sorted(glob.glob(os.path.join(sys.argv[1], "*", "lib", "*.so*")))
names = [os.path.basename(p) for p in paths]
needed = ["libcudart.so", "libcublas.so", "libcublasLt.so", "libcudnn.so", "libcufft.so", "libcusolver.so", "libcusparse.so", "libnccl.so", "libcupti.so"]
missing = [n for n in needed if not any(name.startswith(n) for name in names)]
if missing:
    sys.exit("error: CUDA's wheels hold no " + ", ".join(missing))
for path in paths:
    try:
        ctypes.CDLL(path)
    except OSError as failure:
        if "libcuda.so.1" not in str(failure):
            sys.exit("error: " + str(failure))
`;

/** Throws `ENGINE_WAY_FAILED` where one of CUDA's libraries is missing or cannot be loaded; the driver's need not be there. */
async function loadLibraries(context: InstallContext, folder: string): Promise<void> {
  context.onProgress({ phase: "probe", message: "loading CUDA's libraries" });
  await runTool(context, "python3", ["-c", LOAD, folder], { timeoutMs: 5 * 60_000 });
}
