/**
 * Whether what a stage reads still is what its fingerprint says: artifacts in the store and the local files that it
 * declares. By stat, and by content where a stat moved. Asked before a stage starts and after it ended.
 */
import { PipelineError } from "../errors.ts";
import type { InputRecord } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import type { DigestFiles, Recipe } from "./recipe.ts";

export const INPUT_CHANGED = "INPUT_CHANGED";

export interface GuardedStage {
  readonly recipe: Pick<Recipe, "id" | "localFiles">;
  readonly inputs: Readonly<Record<string, InputRecord>>;
}

/** What changed, in words; undefined where everything is as it was planned. */
export async function changedInput(
  { recipe, inputs }: GuardedStage,
  store: Pick<Store, "verify" | "remember">,
  digestFiles: DigestFiles,
): Promise<string | undefined> {
  for (const [name, { digest }] of Object.entries(inputs)) {
    const verdict = await store.verify(digest);
    if (!verdict.intact) return `input ${name}: ${verdict.problem.message}`;
    if (verdict.fresh) store.remember(verdict.fresh);
  }
  for (const { path, digest } of recipe.localFiles)
    if ((await digestFiles(path)) !== digest) return `${path} holds something else now`;
  return undefined;
}

/** `failure`: what the stage itself said, where it failed too. */
export function inputChanged(stage: string, what: string, failure?: string): PipelineError {
  const also = failure === undefined ? "" : `; the stage itself failed with: ${failure}`;
  return new PipelineError({
    code: INPUT_CHANGED,
    message: `what stage ${stage} reads has changed since it was planned, so nothing of it is kept: ${what}${also}`,
    hint: `let nothing write there while the stage reads, then: npx pipeline run ${stage}`,
  });
}
