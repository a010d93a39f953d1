/** `pipeline clean --locks HOST`: shows what a dead machine holds, asks, and frees it. */
import type { HostRemains } from "../../runner/maintenance-types.ts";
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { confirmed } from "../confirmed.ts";
import { exitCodes } from "../exit-code.ts";
import { withSession } from "../with-session.ts";

export interface CleanLocksOptions {
  readonly host: string;
  readonly yes: boolean;
  readonly json: boolean;
}

export async function cleanLocksCommand(
  context: CliContext,
  recipe: RecipeOptions,
  { host, yes, json }: CleanLocksOptions,
): Promise<number> {
  return withSession(context, recipe, async ({ maintenance }) => {
    const remains = maintenance.remainsOf(host);
    if (!json) print(context, remainsText(remains));
    const ask = `is ${host} dead? What it still does would be done twice.`;
    if (!yes && !(await confirmed(context, ask, json))) {
      print(context, "nothing was freed");
      return exitCodes.ok;
    }
    const freed = await maintenance.release(host);
    if (json) printJson(context, freed);
    else print(context, `${context.paint("green", "✔")} what ${host} held is free; checkpoints stay`);
    return exitCodes.ok;
  });
}

const remainsText = ({ host, locks, claims, runs, work }: HostRemains): string =>
  [
    ...locks.map(({ stage, runId, since }) => `lock   ${stage}, of run ${runId}, since ${since}`),
    ...runs.map((runId) => `run    ${runId}, marked as alive`),
    ...(claims === 0 ? [] : [`claims ${claims}, which keep executions and artifacts from gc`]),
    ...work.map((name) => `work   cache/work/${name}`),
  ]
    .map((line) => `${host}  ${line}`)
    .join("\n");
