/** What esbuild says of sources that cannot be compiled, as errors that show the place. */
import { formatMessages, type BuildFailure } from "esbuild";
import { userError } from "../errors.ts";

/** Throws `SOURCE_INVALID` with file, line and column for a `BuildFailure`; passes everything else on. */
export async function explainingBuildFailures<T>(projectRoot: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    const shown = await formatMessages([...error.errors], { kind: "error", color: false });
    const [first] = error.errors;
    const text = first?.text ?? error.message;
    const location = first?.location;
    const where = location
      ? `${location.file}:${location.line}:${location.column + 1}: `
      : `${projectRoot}: `;
    throw userError("SOURCE_INVALID", `${where}${text}\n${shown.join("").trimEnd()}`, hintFor(text));
  }
}

const hintFor = (text: string): string =>
  text.startsWith("Top-level await")
    ? "what a pipeline or a stage file imports must load at once: await inside run, or where the value is needed"
    : "correct the file and run again; `npm run typecheck` tells more";

const isBuildFailure = (error: unknown): error is BuildFailure =>
  error instanceof Error && "errors" in error && Array.isArray(error.errors) && "warnings" in error;
