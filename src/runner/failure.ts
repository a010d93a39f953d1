/** Turns what the system says into errors that tell a person what to do. */
import { statfsSync } from "node:fs";
import { PipelineError } from "../errors.ts";
import { placeWithoutWriting } from "../std/place-without-writing.ts";

/**
 * Passes everything on but a full disk and a place that must not be written to, which come as bare errors from anywhere: of
 * the system, of LMDB, or as the cause of another. `directory`: where it may have been writing, for what does not say so itself.
 */
export function explainFailure(error: unknown, directory?: string): unknown {
  if (error instanceof PipelineError && EXPLAINED.has(error.code)) return error;
  const full = causes(error).find((each) => isDiskFull(each, directory));
  return full === undefined ? explainNoWriting(error) : diskFull(full, error);
}

const EXPLAINED = new Set(["DISK_FULL", "NOT_WRITABLE"]);

function explainNoWriting(error: unknown): unknown {
  const place = causes(error)
    .map((each) => placeWithoutWriting(each))
    .find((each) => each !== undefined);
  if (place === undefined) return error;
  return new PipelineError({
    code: "NOT_WRITABLE",
    message: `${place.path} cannot be written to: ${place.reason}`,
    hint: "every command keeps notes in cache/: make that folder writable, or copy the project to where you may write",
    cause: error,
  });
}

function diskFull(full: SystemError, error: unknown): PipelineError {
  const path = full.path === undefined ? "" : ` while writing ${full.path}`;
  const isQuota = full.code === "EDQUOT" || /quota/i.test(full.message);
  return new PipelineError({
    code: "DISK_FULL",
    message: isQuota ? `the disk quota is used up${path}` : `no space left on the disk${path}`,
    hint: "make room and run again: finished stages are kept, a stage with checkpoints goes on from its last one",
    cause: error,
  });
}

/** Of Node: a name as code. Of LMDB: the number of the system, or one of its own. */
type SystemError = Error & { readonly code?: string | number; readonly path?: string };

function causes(error: unknown): SystemError[] {
  const all: SystemError[] = [];
  for (let each = error; each instanceof Error && !all.includes(each); each = each.cause) all.push(each);
  return all;
}

function isDiskFull({ code, message }: SystemError, directory: string | undefined): boolean {
  if (typeof code !== "number") return code === "ENOSPC" || code === "EDQUOT";
  if (/no space left on device|quota exceeded|MDB_MAP_FULL/i.test(message)) return true;
  // What LMDB makes of a write that found room for its first half only.
  return /input\/output error/i.test(message) && directory !== undefined && roomIn(directory) < LITTLE_ROOM;
}

/** Bytes; less than LMDB writes in one transaction. */
const LITTLE_ROOM = 1 << 20;

function roomIn(directory: string): number {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    return Infinity; // the file system does not tell
  }
}

/** `stderr`: the last lines that the process wrote. */
export function stageDied(
  stage: string,
  { signal, exitCode }: { readonly signal: string | undefined; readonly exitCode: number | undefined },
  stderr: readonly string[],
): PipelineError {
  const said = stderr.length === 0 ? "" : `; its last words:\n${stderr.join("\n")}`;
  if (signal === undefined)
    return new PipelineError({
      code: "STAGE_EXITED",
      message: `the process of stage ${stage} ended with exit code ${exitCode ?? "unknown"} before the stage was done${said}`,
      hint: `npx pipeline run ${stage} goes on from the last checkpoint, where there is one`,
    });
  return new PipelineError({
    code: "STAGE_KILLED",
    message: `the process of stage ${stage} was killed by ${signal}${said}`,
    hint: killedHint(signal, stderr.join("\n")),
  });
}

/** `step`: of its last checkpoint. */
export function stageTimedOut(stage: string, timeoutMs: number, step: number | undefined): PipelineError {
  const onward = step === undefined ? "starts anew: it has no checkpoint" : `goes on from step ${step}`;
  return new PipelineError({
    code: "STAGE_TIMED_OUT",
    message: `stage ${stage} was stopped, because it ran longer than its timeout of ${timeoutMs / 1000} s`,
    hint: `npx pipeline run ${stage} ${onward}; or raise timeoutMs in the stage's definition`,
  });
}

function killedHint(signal: string, stderr: string): string {
  const again = "run again: it goes on from the last checkpoint, where there is one";
  if (signal === "SIGABRT" && stderr.includes("heap"))
    return `JavaScript ran out of memory: raise NODE_OPTIONS=--max-old-space-size or lower the batch size; then ${again}`;
  if (signal === "SIGKILL")
    return `most often the system ran out of memory (see dmesg): lower the batch size or free memory; then ${again}`;
  if (signal === "SIGBUS")
    return `native code lost a mapped file, most often on a full disk: see df -h; then ${again}`;
  if (signal === "SIGSEGV" || signal === "SIGABRT" || signal === "SIGILL" || signal === "SIGFPE")
    return `native code crashed: npx pipeline doctor shows the engine; ${again}`;
  return `somebody or something outside the pipeline sent it: ${again}`;
}
