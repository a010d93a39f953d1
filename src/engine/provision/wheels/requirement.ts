/** What a wheel's METADATA says that it needs (core metadata specification, Requires-Dist; PEP 508). */

export interface Requirement {
  /** Normalized name on the index. */
  readonly project: string;
  /** E.g. `<13.0,>=12.5.82`; empty: any version. */
  readonly specifier: string;
}

/** Names are compared in lower case with single dashes (PEP 503). */
export const normalizedName = (name: string): string => name.replaceAll(/[-_.]+/gu, "-").toLowerCase();

/**
 * The requirements of one extra, or without `extra` those that always hold. Only a marker that is nothing but
 * `extra == "NAME"` counts as one of an extra; a requirement with any other marker is left out.
 */
export function requirementsOf(metadata: string, extra?: string): readonly Requirement[] {
  // The header ends at the first empty line; a description may follow.
  const [header = ""] = metadata.replaceAll("\r\n", "\n").split("\n\n", 1);
  return header.split("\n").flatMap((line): Requirement[] => {
    const [, name, specifier = "", marker = ""] =
      /^Requires-Dist:\s*([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\]\s*)?\(?([^;()]*)\)?\s*(?:;\s*(.*))?$/u.exec(
        line,
      ) ?? [];
    if (name === undefined) return [];
    const of = /^extra\s*==\s*["']([^"']+)["']$/u.exec(marker.trim())?.[1];
    const wanted = extra === undefined ? marker.trim() === "" : of === extra;
    return wanted ? [{ project: normalizedName(name), specifier: specifier.trim() }] : [];
  });
}
