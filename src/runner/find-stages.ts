/** Which stages the files of stages/ export: each file is loaded, and its stages lead to their modules. */
import { basename } from "node:path";
import { PipelineError, userError } from "../errors.ts";
import type { SourceFacts } from "../hashing/source-digest.ts";
import type { CompiledStage } from "./compiled.ts";
import type { ProgramParts } from "./program.ts";

/**
 * `sources`: by the author's file, relative to the project, as the program's stages are. Throws `STAGE_BROKEN` and
 * `STAGE_AMBIGUOUS`.
 */
export async function findStages(
  program: Pick<ProgramParts, "stages">,
  sources: ReadonlyMap<string, SourceFacts>,
): Promise<CompiledStage[]> {
  const stages: CompiledStage[] = [];
  for (const [file, load] of Object.entries(program.stages)) {
    const source = sources.get(file);
    if (source === undefined) throw new Error(`${file} has no source digest`);
    for (const [exportName, value] of Object.entries(await loadStage(file, load))) {
      if (!isStage(value)) continue;
      const other = stages.find(({ name }) => name === value.name);
      if (other !== undefined)
        throw userError(
          "STAGE_AMBIGUOUS",
          `${other.file} and ${file} both export a stage named ${value.name}`,
          "stage names are part of fingerprints: give one of them another",
        );
      const module = `stages/${basename(file, ".ts")}.mjs`;
      stages.push({ name: value.name, file, module, exportName, source });
    }
  }
  return stages;
}

async function loadStage(file: string, load: () => Promise<object>): Promise<object> {
  try {
    return await load();
  } catch (cause) {
    throw new PipelineError({
      code: "STAGE_BROKEN",
      message: `${file} cannot be loaded: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`,
      hint: "a stage file must load without doing its work: what is done at its top level belongs into run",
      kind: "user",
      cause,
    });
  }
}

const isStage = (value: unknown): value is { readonly name: string } =>
  typeof value === "object" &&
  value !== null &&
  "name" in value &&
  typeof value.name === "string" &&
  "inputs" in value &&
  "outputs" in value &&
  "run" in value &&
  typeof value.run === "function";
