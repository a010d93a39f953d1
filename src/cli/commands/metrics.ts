/** `pipeline metrics [STAGE…]`. */
import { columnsOf, print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { metricsCsv, metricsText } from "../text/metrics-text.ts";
import { withSession } from "../with-session.ts";

export interface MetricsCommandOptions extends RecipeOptions {
  readonly runs?: number;
  readonly sort?: string;
  readonly csv?: boolean;
  readonly json?: boolean;
}

export async function metricsCommand(
  context: CliContext,
  stages: readonly string[],
  { runs, sort, csv, json, ...recipe }: MetricsCommandOptions,
): Promise<number> {
  const tables = await withSession(context, recipe, ({ history }) =>
    Promise.resolve(history.metrics(stages, { runs, sort })),
  );
  const columns = columnsOf(context.streams.stdout);
  if (json === true) printJson(context, { tables });
  else if (csv === true) print(context, metricsCsv(tables));
  else print(context, metricsText(tables, { now: Date.now(), columns, paint: context.paint }));
  return exitCodes.ok;
}
