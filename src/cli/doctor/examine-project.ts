/** What the project has on disk, and which engine it would train with. */
import { join } from "node:path";
import { engineStatus } from "../../engine/provision/engine-status.ts";
import { missingDriver } from "../../engine/provision/gpu-driver.ts";
import { engineCacheFolder } from "../../engine/provision/engine-build.ts";
import { serializeError } from "../../errors.ts";
import { countOf, formatBytes } from "../../report/quantity.ts";
import { findGpus, gpuFinding } from "./examine-gpu.ts";
import type { Finding } from "./finding.ts";
import { folderSize } from "./folder-size.ts";

export async function examineProject(projectRoot: string): Promise<readonly Finding[]> {
  return [
    ...(await engineFindings()),
    await folderFinding("cache", join(projectRoot, "cache")),
    await folderFinding("artifacts", join(projectRoot, "artifacts")),
    await folderFinding("engines", engineCacheFolder()),
  ];
}

async function engineFindings(): Promise<readonly Finding[]> {
  try {
    const { chosen, reasons, tensorflow } = await engineStatus();
    const kernels = chosen.kind === "tensorflow" && chosen.device === "cpu" ? [oneDnnText(process.env)] : [];
    const message = [`${chosen.kind} ${chosen.version} on ${chosen.device}`, ...kernels, ...reasons].join(
      "; ",
    );
    const cuda = gpuFinding({
      gpus: await findGpus(),
      used: chosen.device,
      cuda: tensorflow.state === "absent" ? undefined : tensorflow.cudaText,
      missingDriver: missingDriver(),
    });
    if (chosen.kind === "tensorflow") return [{ name: "engine", level: "ok", message }, cuda];
    const hint = "npx pipeline engine install (native TensorFlow trains several times faster)";
    return [{ name: "engine", level: "warn", message, hint }, cuda];
  } catch (error) {
    const { code, message, hint } = serializeError(error);
    return [
      {
        name: "engine",
        level: "fail",
        message: `${code}: ${message}`,
        ...(hint === undefined ? {} : { hint }),
      },
    ];
  }
}

/** The engine asks for oneDNN's kernels where the environment says nothing. */
export const oneDnnText = (env: Readonly<Record<string, string | undefined>>): string =>
  ["0", "false"].includes(env["TF_ENABLE_ONEDNN_OPTS"] ?? "1")
    ? "oneDNN off (TF_ENABLE_ONEDNN_OPTS)"
    : "oneDNN on";

async function folderFinding(name: string, folder: string): Promise<Finding> {
  const { bytes, files } = await folderSize(folder);
  const message =
    files === 0 ? `empty (${folder})` : `${formatBytes(bytes)} in ${countOf(files, "file")} (${folder})`;
  return { name, level: "ok", message };
}
