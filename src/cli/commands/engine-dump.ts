/** `pipeline engine dump`: the program that a training stage runs, as text or as Mermaid. */
import { userError } from "../../errors.ts";
import { nearest } from "../../std/nearest.ts";
import { dumpFunction } from "../../tensor/dump.ts";
import { optimizeFunction } from "../../tensor/optimize.ts";
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { checkSize } from "../estimate/check-size.ts";
import { programOf, trainingRecipe, trainingStages } from "../estimate/training-recipe.ts";
import { machineMemory } from "../doctor/machine-memory.ts";
import { exitCodes } from "../exit-code.ts";
import { programMermaid, summarise, summaryText } from "../text/program-text.ts";
import { withSession } from "../with-session.ts";

export interface EngineDumpOptions extends RecipeOptions {
  readonly mermaid?: boolean;
  readonly expand?: boolean;
  readonly function?: string;
  readonly json?: boolean;
}

export async function engineDumpCommand(
  context: CliContext,
  stage: string,
  { mermaid, expand = false, function: wanted, json, ...options }: EngineDumpOptions,
): Promise<number> {
  const recipe = await withSession(context, options, (session) =>
    Promise.resolve(trainingRecipe(session.recipe)),
  );
  const trainingStage = oneOf(stage, trainingStages, "UNKNOWN_STAGE", "training stage");
  checkSize(recipe, { memoryBytes: machineMemory() });
  const { functions } = programOf(recipe, trainingStage).program;
  const names = functions.map(({ name }) => name);
  const name =
    wanted === undefined ? undefined : oneOf(wanted, names, "UNKNOWN_FUNCTION", `function of ${stage}`);
  const shown = functions
    .filter((each) => name === undefined || each.name === name)
    .map((written) => ({ written, fn: optimizeFunction(written) }));
  const summaries = shown.map(({ written, fn }) => summarise(written, fn));
  if (json === true) {
    printJson(context, {
      stage,
      functions: shown.map(({ fn }, index) => ({ ...summaries[index], text: dumpFunction(fn) })),
    });
    return exitCodes.ok;
  }
  for (const [index, { fn }] of shown.entries()) {
    const summary = summaries[index];
    const line = summary === undefined ? "" : summaryText(summary);
    if (mermaid === true) print(context, `%% ${line}\n${programMermaid(fn, !expand)}`);
    else print(context, `${dumpFunction(fn)}${line}\n`);
  }
  return exitCodes.ok;
}

function oneOf<Name extends string>(word: string, names: readonly Name[], code: string, what: string): Name {
  const found = names.find((name) => name === word);
  if (found !== undefined) return found;
  const close = nearest(word, names);
  const hint =
    close === undefined ? `one of ${names.join(", ")}` : `did you mean ${close}? (${names.join(", ")})`;
  throw userError(code, `there is no ${what} called ${word}`, hint);
}
