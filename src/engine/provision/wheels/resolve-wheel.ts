/** Which file of a project fits a requirement on a machine: the newest version that does, as pip chooses. */
import { wayFailed } from "../install-context.ts";
import type { IndexFile } from "./package-index.ts";
import type { Requirement } from "./requirement.ts";
import { compareVersions, parseVersion, satisfies } from "./version.ts";
import { parseWheelName, runsOn, type LinuxPlatform } from "./wheel-name.ts";

export interface Wheel extends IndexFile {
  readonly project: string;
  readonly version: string;
}

/** Throws `ENGINE_WAY_FAILED` where none does. */
export function resolveWheel(
  { project, specifier }: Requirement,
  files: readonly IndexFile[],
  platform: LinuxPlatform,
): Wheel {
  const fitting = files.flatMap((file) => {
    const name = parseWheelName(file.file);
    const version = parseVersion(name?.version ?? "");
    if (name === undefined || version === undefined || name.project !== project) return [];
    // Libraries alone, without Python code of a version's own.
    const fits = name.python.includes("py3") && runsOn(name, platform) && satisfies(version, specifier);
    return fits ? [{ wheel: { ...file, project, version: name.version }, version }] : [];
  });
  const newest = fitting.sort((left, right) => compareVersions(right.version, left.version))[0];
  if (newest !== undefined) return newest.wheel;
  const { arch, glibc } = platform;
  throw wayFailed(
    `the package index has no wheel of ${project} ${specifier} for linux-${arch} with glibc ${glibc.join(".")}`,
  );
}
