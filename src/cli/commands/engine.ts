/** `pipeline engine install | list | remove`. */
import { PipelineError, userError } from "../../errors.ts";
import { findBindingPackage } from "../../engine/provision/binding-package.ts";
import { cudaText } from "../../engine/provision/cuda-label.ts";
import { engineStatus } from "../../engine/provision/engine-status.ts";
import { missingDriver } from "../../engine/provision/gpu-driver.ts";
import { installEngine } from "../../engine/provision/install-engine.ts";
import { findBuilds, type BuildKind } from "../../engine/provision/installed-builds.ts";
import { removeEngine } from "../../engine/provision/remove-engine.ts";
import { listenForInterrupts } from "../../runner/interrupts.ts";
import { note, print, printJson, type CliContext } from "../cli-context.ts";
import { findGpus } from "../doctor/examine-gpu.ts";
import { exitCodes } from "../exit-code.ts";
import {
  failedText,
  gpuLine,
  installText,
  listText,
  type GpuLine,
  type ListedBuild,
} from "../text/engine-text.ts";

export interface EngineKindOptions {
  readonly gpu?: boolean;
  readonly cpu?: boolean;
  readonly json?: boolean;
}

/**
 * Progress and notices of what is tried again go to standard error; the result to standard output, in JSON with the notices. WebAssembly alone is no failure, but said; a build for
 * GPUs that was asked for and cannot be had is one.
 */
export async function engineInstallCommand(context: CliContext, options: EngineKindOptions): Promise<number> {
  const kind = kindOf(options);
  const interrupts = listenForInterrupts();
  try {
    let last = "";
    const notices: string[] = [];
    const result = await installEngine({
      kind,
      signal: interrupts.signal,
      onProgress: ({ message }) => {
        if (message !== last) note(context, message);
        last = message;
      },
      onNotice: (message) => {
        notices.push(message);
        note(context, `${context.errorPaint("yellow", "notice")} ${message}`);
      },
    });
    if (kind !== undefined && result.kind === "wasm")
      throw new PipelineError({
        code: "ENGINE_UNAVAILABLE",
        message: [
          `TensorFlow ${kind === "gpu" ? "with" : "without"} CUDA cannot be had here`,
          ...result.failed.map(failedText),
        ].join("\n"),
        hint: "what was fetched so far is kept; mend what is named above and run the command again",
      });
    const gpu =
      result.kind === "tensorflow" && result.cuda !== undefined ? await lookForGpu(context) : undefined;
    if (options.json === true)
      printJson(context, { ...result, ...(gpu === undefined ? {} : { gpu }), notices });
    else print(context, installText(result, gpu, context.paint));
    return exitCodes.ok;
  } catch (error) {
    if (interrupts.signal.aborted) {
      note(context, "stopped; the next try goes on with what was downloaded, where the server allows it");
      return exitCodes.interrupted;
    }
    throw error;
  } finally {
    interrupts.dispose();
  }
}

/** Throws `OPTIONS_CONFLICT`. */
function kindOf({ gpu, cpu }: EngineKindOptions): BuildKind | undefined {
  if (gpu === true && cpu === true)
    throw userError("OPTIONS_CONFLICT", "--gpu and --cpu exclude each other", "give one of them, or neither");
  return gpu === true ? "gpu" : cpu === true ? "cpu" : undefined;
}

async function lookForGpu({ env }: CliContext): Promise<GpuLine> {
  const devices = (await findGpus()).map(({ name, driver }) => `${name} (driver ${driver})`);
  return gpuLine(devices, missingDriver(), env["CUDA_VISIBLE_DEVICES"]);
}

export async function engineListCommand(
  context: CliContext,
  { json }: { readonly json?: boolean },
): Promise<number> {
  const status = await engineStatus();
  const { tensorflow, chosen } = status;
  const bindingPackage = findBindingPackage();
  const used = chosen.kind === "tensorflow" && tensorflow.state !== "absent" ? tensorflow.path : undefined;
  const found = bindingPackage === undefined ? [] : findBuilds(bindingPackage);
  const builds = found.map(({ folder, record }): ListedBuild => {
    const cuda = cudaText(record);
    return {
      path: folder,
      way: record.way,
      tensorflow: record.tensorflow,
      ...(cuda === undefined ? {} : { cuda }),
      bytes: Object.values(record.files).reduce((sum, { bytes }) => sum + bytes, 0),
      used: folder === used,
    };
  });
  const gpu = builds.some(({ used: isUsed, cuda }) => isUsed && cuda !== undefined)
    ? await lookForGpu(context)
    : undefined;
  if (json === true) printJson(context, { ...status, builds, ...(gpu === undefined ? {} : { gpu }) });
  else print(context, listText(status, builds, gpu).join("\n"));
  return exitCodes.ok;
}

export async function engineRemoveCommand(context: CliContext, options: EngineKindOptions): Promise<number> {
  const removed = await removeEngine({ kind: kindOf(options) });
  if (options.json === true) printJson(context, { removed });
  else if (removed.length === 0) print(context, "there was none to remove");
  else print(context, `removed ${removed.join(", ")}; npx pipeline engine install brings it back`);
  return exitCodes.ok;
}
