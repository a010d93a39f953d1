/** The plan as the sources are now: asked of a process of its own, because new code needs a new compile. */
import { join } from "node:path";
import { execa } from "execa";
import type { Plan } from "../../runner/plan-types.ts";
import type { WatchedFiles } from "../../runner/session-types.ts";
import type { CliContext, RecipeOptions } from "../cli-context.ts";
import { noPaint } from "../paint.ts";
import { recipeFlags } from "../recipe-flags.ts";

/** What `watch --dry-run --json` prints. */
export interface WatchPlan {
  readonly plan: Plan;
  readonly watched: WatchedFiles;
}

/** `error`: what a person should read: a source does not compile, or the recipe is wrong. */
export type PlanAnswer =
  { readonly ok: true; readonly answer: WatchPlan } | { readonly ok: false; readonly error: string };

export async function askPlan(
  { host, env, workingDirectory, errorPaint, verbose }: CliContext,
  targets: readonly string[],
  recipe: RecipeOptions,
): Promise<PlanAnswer> {
  const flags = [...recipeFlags(recipe), "--dry-run", "--json", ...(verbose ? ["--verbose"] : [])];
  const command = [join(host.packageRoot, "bin", "pipeline.js"), "watch", ...targets, ...flags];
  const { exitCode, stdout, stderr } = await execa(process.execPath, command, {
    cwd: workingDirectory,
    env: { ...env, ...(errorPaint === noPaint ? { NO_COLOR: "1" } : { FORCE_COLOR: "1" }) },
    extendEnv: false,
    stdin: "ignore",
    reject: false,
  });
  if (exitCode !== 0) return { ok: false, error: stderr };
  return { ok: true, answer: JSON.parse(stdout) as WatchPlan };
}
