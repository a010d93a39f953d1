/**
 * `accept`: a person's word that a change of code changes no result. The result that exists is committed once more
 * under the new fingerprint, and the record says whence. Nothing is executed; `run STAGE --force STAGE` undoes it.
 */
import { userError } from "../../errors.ts";
import { explain, type Difference } from "../../lineage/explain.ts";
import type { ExecutionRecord } from "../../store/records.ts";
import type { AcceptedStage, AcceptReport } from "../maintenance-types.ts";
import type { OpenProject } from "../open-project.ts";
import { currentRecipe } from "../compared-recipe.ts";
import type { StagePlan } from "../plan.ts";
import { makeRunId } from "../run-id.ts";

const ACCEPTABLE: readonly Difference["code"][] = ["source-changed", "package-changed"];

/** Without a stage: every stage whose only difference is one of code, each after what it needs. */
export async function accept(project: OpenProject, stageId?: string): Promise<AcceptReport> {
  const [id] = stageId === undefined ? [undefined] : project.idsOf([stageId]);
  const accepted: AcceptedStage[] = [];
  for (;;) {
    const { stages } = await project.plan(id === undefined ? [] : [id]);
    const open = stages.filter(({ hit, recipe }) => !hit && (id === undefined || recipe.id === id));
    const found = open.map((stage) => ({ stage, ...whatStandsFor(project, stage) }));
    const next = found.find(({ execution }) => execution !== undefined);
    if (next?.execution !== undefined) {
      accepted.push(await commitUnder(project, next.stage, next.execution, next.differences));
      continue;
    }
    const refused = found.map(({ stage, refusal }) => ({ stage: stage.recipe.id, reasons: refusal }));
    const [only] = refused;
    if (id !== undefined && only !== undefined) throw refusedError(id, only.reasons);
    return { accepted, refused };
  }
}

interface Candidate {
  /** The execution whose code alone differs. */
  readonly execution?: ExecutionRecord;
  readonly differences: readonly Difference[];
  readonly refusal: readonly string[];
}

/** The latest execution of the stage id first, then every other one of the stage, the newest first. */
function whatStandsFor({ store }: OpenProject, stage: StagePlan): Candidate {
  const { recipe, inputs, planned } = stage;
  if (inputs === undefined || planned.fingerprint === null || store.execution(planned.fingerprint))
    return { differences: [], refusal: planned.reasons.map(({ message }) => message) };
  const latest = store.latest(recipe.id);
  const others = store
    .executions()
    .filter(({ stageName }) => stageName === recipe.name)
    .sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
  for (const execution of [...(latest ? [latest] : []), ...others]) {
    const differences = explain(execution, currentRecipe(recipe, inputs));
    if (execution.evictedAt === undefined && differences.every(({ code }) => ACCEPTABLE.includes(code)))
      return { execution, differences, refusal: [] };
  }
  const refusal = planned.reasons.filter(
    ({ code }) => code !== "source-changed" && code !== "package-changed",
  );
  const evicted = latest?.evictedAt === undefined ? [] : ["its latest result was removed by gc"];
  return { differences: [], refusal: [...refusal.map(({ message }) => message), ...evicted] };
}

async function commitUnder(
  { store }: OpenProject,
  { recipe, inputs, planned: { fingerprint }, family }: StagePlan,
  execution: ExecutionRecord,
  differences: readonly Difference[],
): Promise<AcceptedStage> {
  if (inputs === undefined || fingerprint === null)
    throw new Error(`${recipe.id} is not ready to be accepted`);
  const holder = store.lockHolder(fingerprint);
  if (holder !== undefined)
    throw refusedError(recipe.id, [`process ${holder.process.pid} executes it now, in run ${holder.runId}`]);
  const gone = store.keeping.claim(makeRunId(), [execution.fingerprint]);
  const verdicts = await Promise.all(
    Object.values(execution.outputs).map(({ digest }) => store.verify(digest)),
  );
  const damage = verdicts.flatMap((verdict) => (verdict.intact ? [] : [verdict.problem.message]));
  if (gone.length > 0) damage.push("gc removes its latest result now");
  if (damage.length > 0) throw refusedError(recipe.id, damage);
  const acceptedFrom = {
    fingerprint: execution.fingerprint,
    at: new Date().toISOString(),
    changes: differences.map(({ message }) => message),
  };
  const { family: _family, ...then } = execution;
  store.commit(
    {
      ...then,
      fingerprint,
      stageId: recipe.id,
      inputs,
      source: { digest: recipe.source.digest, files: recipe.source.files },
      packages: recipe.source.packages,
      acceptedFrom,
      ...(family === undefined ? {} : { family }),
    },
    [],
  );
  return { stage: recipe.id, acceptedAs: fingerprint, ...acceptedFrom };
}

const refusedError = (stageId: string, reasons: readonly string[]) =>
  userError(
    "ACCEPT_REFUSED",
    `${stageId} differs by more than its code: ${reasons.join("; ") || "it has no result yet"}`,
    `npx pipeline run ${stageId}; where only the code of what it needs has changed: npx pipeline accept --all`,
  );
