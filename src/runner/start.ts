/** What bin/ loads before the program, as one small file: whether the compiled form is current, and opening it. */
import { join } from "node:path";
import { PROGRAM_FILE } from "./compiled.ts";
import { explainFailure } from "./failure.ts";
import { isFresh, markInUse, type CompileRecord } from "./freshness.ts";
import { loadProgram, type LoadedProgram } from "./program.ts";

export interface StartRequest {
  /** cache/compiled/latest.json. */
  readonly recordFile: string;
  readonly record: CompileRecord;
  readonly roots: { readonly projectRoot: string; readonly packageRoot: string };
}

/** Whether the sources still are what the record says that they were. */
export const isCurrent = ({ recordFile, record, roots }: StartRequest): boolean =>
  isFresh(recordFile, record, roots);

/** `purpose`: see program.ts. Throws `DISK_FULL` or `NOT_WRITABLE` where the mark of its use cannot be written. */
export function openProgram(compiledDirectory: string, purpose: string): LoadedProgram {
  try {
    markInUse(compiledDirectory);
    return loadProgram(join(compiledDirectory, PROGRAM_FILE), purpose);
  } catch (error) {
    throw explainFailure(error);
  }
}
