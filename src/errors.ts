/**
 * The one error a user may see. `code` is stable and greppable, `message` says what went wrong and where,
 * `hint` is the next command to run or thing to change.
 */
export type ErrorKind =
  /** The user wrote something that cannot work (exit code 2). */
  | "user"
  /** The world failed: network, disk, a stage (exit code 1). */
  | "failure";

export interface PipelineErrorOptions {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly kind?: ErrorKind | undefined;
  readonly cause?: unknown;
}

/** The JSON form that crosses process borders (stage process → runner → `--json`). */
export interface SerializedError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly kind: ErrorKind;
  readonly stack?: string;
}

export class PipelineError extends Error {
  override readonly name = "PipelineError";
  readonly code: string;
  readonly hint: string | undefined;
  readonly kind: ErrorKind;

  constructor({ code, message, hint, kind = "failure", cause }: PipelineErrorOptions) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
    this.kind = kind;
  }
}

/** What the user wrote wrongly: exit code 2. */
export function userError(code: string, message: string, hint?: string): PipelineError {
  return new PipelineError({ code, message, hint, kind: "user" });
}

export function serializeError(error: unknown): SerializedError {
  if (error instanceof PipelineError) {
    return {
      code: error.code,
      message: error.message,
      kind: error.kind,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      ...(error.stack === undefined ? {} : { stack: error.stack }),
    };
  }
  const stack = error instanceof Error ? error.stack : undefined;
  const message = error instanceof Error ? error.message : String(error);
  return { code: "UNEXPECTED", message, kind: "failure", ...(stack === undefined ? {} : { stack }) };
}
