/** A wheel's file name and the platforms it names (PEP 427; PEP 600 for manylinux). */
import { normalizedName } from "./requirement.ts";

export interface WheelName {
  readonly project: string;
  readonly version: string;
  /** E.g. `py3`. */
  readonly python: readonly string[];
  readonly platforms: readonly string[];
}

/** Undefined for what is no wheel, such as a source archive. */
export function parseWheelName(file: string): WheelName | undefined {
  const match = /^([^-]+)-([^-]+)(?:-\d[^-]*)?-([^-]+)-[^-]+-([^-]+)\.whl$/u.exec(file);
  const [, name = "", version = "", python = "", platforms = ""] = match ?? [];
  if (match === null) return undefined;
  return {
    project: normalizedName(name),
    version,
    python: python.split("."),
    platforms: platforms.split("."),
  };
}

/** The glibc that each of the older names stands for (PEP 513, 571, 599). */
const legacy: Readonly<Record<string, readonly [number, number]>> = {
  manylinux1: [2, 5],
  manylinux2010: [2, 12],
  manylinux2014: [2, 17],
};

const architectures: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };

export interface LinuxPlatform {
  /** As Node names it. */
  readonly arch: string;
  /** Version of the C library. */
  readonly glibc: readonly [number, number];
}

/** Whether libraries in such a wheel can be loaded there. */
export function runsOn({ platforms }: WheelName, { arch, glibc }: LinuxPlatform): boolean {
  return platforms.some((platform) => {
    const [, name = "", major, minor, architecture] =
      /^(manylinux\d*)(?:_(\d+)_(\d+))?_(x86_64|aarch64)$/u.exec(platform) ?? [];
    const needs = major === undefined ? legacy[name] : ([Number(major), Number(minor)] as const);
    if (needs === undefined || architecture !== architectures[arch]) return false;
    return needs[0] < glibc[0] || (needs[0] === glibc[0] && needs[1] <= glibc[1]);
  });
}
