/** Opens the model that a command speaks with, and closes it whatever happens. `signal` ends the opening. */
import { note, type CliContext, type RecipeOptions } from "./cli-context.ts";
import type { TextGenerator } from "./text-generator.ts";
import { withSession } from "./with-session.ts";

export async function withTextGenerator<Result>(
  context: CliContext,
  { stage, config, set }: RecipeOptions & { readonly stage?: string },
  work: (generator: TextGenerator) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  const { textGenerators, host, env } = context;
  return withSession(context, { set, ...(config === undefined ? {} : { config }) }, async (session) => {
    const generator = await textGenerators.open(session, stage, {
      compiledDirectory: host.compiledDirectory,
      env,
      onLine: (line) => note(context, line),
      signal,
    });
    try {
      return await work(generator);
    } finally {
      await generator.close();
    }
  });
}
