/**
 * `util.isArray` and `util.isNullOrUndefined` left Node with version 23, and tfjs-node 4.22, its last release, calls them
 * through `require("util")`. We load its binding only, which does not; a stage that loads the package itself does.
 */
import { createRequire } from "node:module";

type Test = (value: unknown) => boolean;

/** As Node 22 documents them. */
const removed: Readonly<Record<string, Test>> = {
  isArray: (value) => Array.isArray(value),
  isNullOrUndefined: (value) => value === null || value === undefined,
};

/** Puts back what is missing, for this process; where Node still has them nothing changes. */
export function restoreNodeUtil(): void {
  const util = createRequire(import.meta.url)("node:util") as Record<string, unknown>;
  for (const [name, test] of Object.entries(removed)) if (!(name in util)) util[name] = test;
}
