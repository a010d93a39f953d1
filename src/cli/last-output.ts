/** Why a run in the background ended without a word: the last of what its process wrote. */
import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import type { Host } from "../runner/session-types.ts";
import { outputFile } from "../runner/run-files.ts";
import { cacheDirectory } from "./background-run.ts";
import { printable } from "./text-width.ts";

const lines = 10;

export function lastOutput(host: Host, runId: string): readonly string[] {
  const file = outputFile(cacheDirectory(host), runId);
  if (!existsSync(file)) return [];
  const last = readFileSync(file, "utf8").trimEnd().split("\n").slice(-lines);
  return [
    `last lines of ${relative(host.projectRoot, file)}:`,
    ...last.map((line) => `  │ ${printable(line)}`),
  ];
}
