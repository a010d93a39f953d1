/** Words for a run and its stages, the same in every table. */
import type { RunRecord } from "../../runner/session-types.ts";
import type { Style } from "../paint.ts";

export const statusStyles: Readonly<Record<RunRecord["status"], Style>> = {
  succeeded: "green",
  failed: "red",
  interrupted: "yellow",
};

/** `configs/tiny.yaml` → `tiny`, as `--config` takes it; any other file as it is. */
export const configName = (file: string): string => /^configs\/([^/]+)\.ya?ml$/.exec(file)?.[1] ?? file;

export const targetsText = (targets: readonly string[]): string =>
  targets.length === 0 ? "everything" : targets.join(" ");
