/**
 * Released versions and what a requirement says of them: the part of the Python packaging specifications (PEP 440) that
 * the wheels of TensorFlow and CUDA use. Pre-releases, epochs and local versions are no released versions here.
 */
import { wayFailed } from "../install-context.ts";

export type Version = readonly number[];

/** Undefined for what is no plain release, as `12.9.0rc1`. */
export const parseVersion = (text: string): Version | undefined =>
  /^\d+(\.\d+)*$/u.test(text) ? text.split(".").map(Number) : undefined;

/** Missing parts count as 0: 12.5 is 12.5.0. */
export function compareVersions(left: Version, right: Version): number {
  for (let part = 0; part < Math.max(left.length, right.length); part++) {
    const difference = (left[part] ?? 0) - (right[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

const holds: Readonly<Record<string, (order: number) => boolean>> = {
  "==": (order) => order === 0,
  "!=": (order) => order !== 0,
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
};

/** @param specifier e.g. `<13.0,>=12.5.82`; empty: any. Throws `ENGINE_WAY_FAILED` for a form not known here. */
export function satisfies(version: Version, specifier: string): boolean {
  const clauses = specifier
    .split(",")
    .map((clause) => clause.trim())
    .filter((clause) => clause !== "");
  return clauses.every((clause) => {
    const [, operator = "", bound = ""] = /^([<>=!]=?)\s*(.+)$/u.exec(clause) ?? [];
    const limit = parseVersion(bound);
    const test = holds[operator];
    if (limit === undefined || test === undefined)
      throw wayFailed(`a wheel requires a version in words that are not understood: ${clause}`);
    return test(compareVersions(version, limit));
  });
}
