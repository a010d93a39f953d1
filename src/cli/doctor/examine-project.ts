/** What the project has on disk, and which engine it would train with. */
import { join } from "node:path";
import { engineStatus } from "../../engine/provision/engine-status.ts";
import { engineCacheFolder } from "../../engine/provision/engine-build.ts";
import { serializeError } from "../../errors.ts";
import { countOf, formatBytes } from "../../report/quantity.ts";
import type { Finding } from "./finding.ts";
import { folderSize } from "./folder-size.ts";

export async function examineProject(projectRoot: string): Promise<readonly Finding[]> {
  return [
    await engineFinding(),
    await folderFinding("cache", join(projectRoot, "cache")),
    await folderFinding("artifacts", join(projectRoot, "artifacts")),
    await folderFinding("engines", engineCacheFolder()),
  ];
}

async function engineFinding(): Promise<Finding> {
  try {
    const { chosen, reasons } = await engineStatus();
    const message = [`${chosen.kind} ${chosen.version} on ${chosen.device}`, ...reasons].join("; ");
    if (chosen.kind === "tensorflow") return { name: "engine", level: "ok", message };
    return {
      name: "engine",
      level: "warn",
      message,
      hint: "npx pipeline engine install (native TensorFlow trains some twenty times faster)",
    };
  } catch (error) {
    const { code, message, hint } = serializeError(error);
    return {
      name: "engine",
      level: "fail",
      message: `${code}: ${message}`,
      ...(hint === undefined ? {} : { hint }),
    };
  }
}

async function folderFinding(name: string, folder: string): Promise<Finding> {
  const { bytes, files } = await folderSize(folder);
  const message =
    files === 0 ? `empty (${folder})` : `${formatBytes(bytes)} in ${countOf(files, "file")} (${folder})`;
  return { name, level: "ok", message };
}
