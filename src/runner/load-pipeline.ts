/** The author's pipeline.ts, out of the compiled program. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { userError } from "../errors.ts";
import type { Pipeline } from "../pipeline/define-pipeline.ts";
import { notCompiled, PROGRAM_FILE } from "./compiled.ts";
import { loadProgram } from "./program.ts";
import type { SessionOptions } from "./session-types.ts";

/** Throws `PIPELINE_NOT_EXPORTED` and `NOT_COMPILED`. */
export async function loadPipeline({
  compiledDirectory,
  importPipeline = programOf(compiledDirectory),
}: Pick<SessionOptions, "compiledDirectory" | "importPipeline">): Promise<Pipeline> {
  const { default: pipeline } = await importPipeline();
  if (isPipeline(pipeline)) return pipeline;
  throw userError(
    "PIPELINE_NOT_EXPORTED",
    "pipeline.ts has no pipeline as its default export",
    "export default definePipeline(…)",
  );
}

const programOf = (compiledDirectory: string) => async () => {
  const file = join(compiledDirectory, PROGRAM_FILE);
  if (!existsSync(file)) throw notCompiled(compiledDirectory);
  return loadProgram(file, "session").pipeline();
};

const isPipeline = (value: unknown): value is Pipeline =>
  typeof value === "object" && value !== null && "wire" in value && typeof value.wire === "function";
