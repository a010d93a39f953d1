/** What `pipeline engine` prints. */
import type { EngineStatus } from "../../engine/provision/engine-status.ts";
import type { FailedWay, InstallResult } from "../../engine/provision/install-engine.ts";
import { formatBytes } from "../../report/quantity.ts";
import type { Paint } from "../paint.ts";

/** `gpu`: whether a GPU can be used, where the engine has CUDA. */
export function installText(result: InstallResult, gpu: GpuLine | undefined, paint: Paint): string {
  const failed = result.failed.map(failedText);
  if (result.kind === "wasm")
    return [
      ...failed,
      `${paint("yellow", "!")} native TensorFlow cannot be had here; WebAssembly will be used, which trains several times slower`,
    ].join("\n");
  const how = result.how === "present" ? "was installed before" : `installed (${result.how})`;
  const cuda = result.cuda === undefined ? "" : ` with ${result.cuda}`;
  return [
    ...failed,
    `${paint("green", "✔")} native TensorFlow ${result.version}${cuda} ${how}: ${result.path}`,
    ...(gpu === undefined ? [] : [`${gpu.visible ? paint("green", "✔") : paint("yellow", "!")} ${gpu.text}`]),
  ].join("\n");
}

export const failedText = ({ way, reason, hint }: FailedWay): string =>
  [`  ${way}: ${reason}`, ...(hint === undefined ? [] : [`    ${hint}`])].join("\n");

export interface GpuLine {
  readonly visible: boolean;
  readonly text: string;
}

/** @param missing why the driver's library cannot be loaded. @param hidden what CUDA_VISIBLE_DEVICES says. */
export function gpuLine(
  devices: readonly string[],
  missing: string | undefined,
  hidden: string | undefined,
): GpuLine {
  const cpu = "; until then it computes on the CPU";
  if (missing !== undefined)
    return { visible: false, text: `no GPU visible: NVIDIA's driver is missing (${missing})${cpu}` };
  if (hidden === "" || hidden === "-1")
    return { visible: false, text: `no GPU visible: CUDA_VISIBLE_DEVICES=${hidden} hides all of them` };
  if (devices.length === 0)
    return {
      visible: false,
      text: `no GPU visible: the driver is there, but nvidia-smi names no device${cpu}`,
    };
  return { visible: true, text: `GPU: ${devices.join(", ")}` };
}

/** One of the builds that are installed. */
export interface ListedBuild {
  readonly path: string;
  readonly way: string;
  readonly tensorflow: string;
  readonly cuda?: string;
  readonly bytes: number;
  readonly used: boolean;
}

export function listText(
  { chosen, reasons }: EngineStatus,
  builds: readonly ListedBuild[],
  gpu: GpuLine | undefined,
): readonly string[] {
  return [
    `in use     ${chosen.kind} ${chosen.version} on ${chosen.device}`,
    ...reasons.map((reason) => `           ${reason}`),
    ...(gpu === undefined ? [] : [`           ${gpu.text}`]),
    ...builds.map(({ way, tensorflow, cuda, bytes, path, used }) => {
      const what = [`TensorFlow ${tensorflow}`, ...(cuda === undefined ? [] : [cuda])].join(", ");
      return `${used ? "used " : "     "}      ${way}: ${what}, ${formatBytes(bytes)} in ${path}`;
    }),
    ...(builds.length === 0 ? ["installed  none; npx pipeline engine install [--gpu]"] : []),
  ];
}
