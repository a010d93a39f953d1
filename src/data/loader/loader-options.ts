import { userError } from "../../errors.ts";

export interface LoaderOptions {
  /** Rows of a batch (B). */
  readonly batchSize: number;
  /** Tokens of a row (T). */
  readonly sequenceLength: number;
  /** Decides the order of every epoch. */
  readonly seed: number;
}

/** Throws LOADER_OPTIONS for sizes that are no positive integers. */
export function checkLoaderOptions(options: Pick<LoaderOptions, "batchSize" | "sequenceLength">): void {
  for (const name of ["batchSize", "sequenceLength"] as const) {
    if (Number.isInteger(options[name]) && options[name] > 0) continue;
    throw userError("LOADER_OPTIONS", `${name} must be a positive integer, not ${options[name]}.`);
  }
}
