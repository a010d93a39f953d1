/** Opens the model that a command speaks with, and closes it whatever happens. */
import { PipelineError } from "../errors.ts";
import type { CliContext, RecipeOptions } from "./cli-context.ts";
import type { TextGenerator } from "./text-generator.ts";
import { withSession } from "./with-session.ts";

export async function withTextGenerator<Result>(
  context: CliContext,
  { stage, config, set }: RecipeOptions & { readonly stage?: string },
  work: (generator: TextGenerator) => Promise<Result>,
): Promise<Result> {
  const { textGenerators } = context;
  // The commands are declared only where there are generators: reaching this is a bug.
  if (textGenerators === undefined)
    throw new PipelineError({ code: "UNEXPECTED", message: "this pipeline has no model to speak with" });
  return withSession(context, { set, ...(config === undefined ? {} : { config }) }, async (session) => {
    const generator = await textGenerators.open(session, stage);
    try {
      return await work(generator);
    } finally {
      await generator.close();
    }
  });
}
