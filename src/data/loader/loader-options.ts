import { userError, type PipelineError } from "../../errors.ts";

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

/** LOADER_NO_RECORDS: where no source of a recipe gives any, e.g. one's own text alone. */
export function noRecords(what: string): PipelineError {
  return userError(
    "LOADER_NO_RECORDS",
    `There are no ${what} to train on.`,
    `Name a source that gives ${what} in the recipe's downloadSample.sources, and ask it for more than a few.`,
  );
}
