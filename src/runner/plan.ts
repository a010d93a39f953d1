/**
 * Planning: which stages are hits, which run, which go on from a checkpoint, and why. Reads, never writes; `run`
 * asks `planStage` again when inputs that were unknown have been made, so both always decide alike.
 */
import { familyOf, fingerprintOf, type FingerprintFields } from "../hashing/fingerprint.ts";
import { explain } from "../lineage/explain.ts";
import type { ExecutionRecord, ExtendedFrom, InputRecord, ObjectRecord } from "../store/records.ts";
import type { IndexReads } from "../store/store.ts";
import type { CheckpointMark } from "./checkpoints.ts";
import { currentRecipe } from "./compared-recipe.ts";
import { findExtension, type ExtensionReads } from "./find-extension.ts";
import { findLeftCheckpoints, type LeftCheckpointReads } from "./left-checkpoints.ts";
import type { Plan, PlannedStage, Reason } from "./plan-types.ts";
import { predict, type PastExecution, type Reached } from "./predict.ts";
import type { Recipe } from "./recipe.ts";

/** What planning may look at besides the recipes. */
export interface PlanReads extends ExtensionReads, LeftCheckpointReads {
  readonly index: Pick<IndexReads, "execution" | "latest" | "verify" | "family">;
  /** Of the newest checkpoint under a fingerprint. */
  readonly checkpoint: (fingerprint: string) => CheckpointMark;
  /** Executions under a stage id, in any order. */
  readonly past: (stageId: string) => readonly PastExecution[];
}

/** The execution that stands behind each finished or hit stage; a stage that must run first is not in it. */
export type Settled = ReadonlyMap<string, ExecutionRecord>;

export interface StagePlan {
  readonly planned: PlannedStage;
  readonly recipe: Recipe;
  /** All inputs, where every one of them is known. */
  readonly inputs: Readonly<Record<string, InputRecord>> | undefined;
  /** Shared with executions that could go on from this one; where the stage can be extended. */
  readonly family?: string;
  /** The committed execution, where the decision is `hit`. */
  readonly hit?: ExecutionRecord;
  /** The run that made what the index had under this fingerprint when it was planned, be it damaged or not. */
  readonly seen?: string;
  /** Objects that were touched and found right: a run keeps their new stats. */
  readonly fresh: readonly ObjectRecord[];
  /** Artifacts that a committed execution should have and the disk has not. */
  readonly damage: readonly string[];
}

export interface FullPlan {
  readonly plan: Plan;
  readonly stages: readonly StagePlan[];
  /** Ids of the stages that run even if cached. */
  readonly forced: ReadonlySet<string>;
}

export interface PlanRequest {
  readonly pipeline: string;
  readonly targets: readonly string[];
  /** The selected stages in topological order, with all that they need. */
  readonly recipes: readonly Recipe[];
  /** Ids of the stages that run even if cached. */
  readonly forced: ReadonlySet<string>;
}

export async function makePlan(request: PlanRequest, askedEachTime: PlanReads): Promise<FullPlan> {
  const reads = askingOnce(askedEachTime);
  const settled = new Map<string, ExecutionRecord>();
  const stages: StagePlan[] = [];
  for (const recipe of request.recipes) {
    const stage = await planStage(recipe, settled, reads, request.forced.has(recipe.id));
    if (stage.hit) settled.set(recipe.id, stage.hit);
    stages.push(stage);
  }
  const { pipeline, targets, forced } = request;
  return { plan: { pipeline, targets, stages: stages.map(({ planned }) => planned) }, stages, forced };
}

/** Stages share artifacts: within one plan each is looked at once, and so is what was stopped. */
function askingOnce(reads: PlanReads): PlanReads {
  const verdicts = new Map<string, ReturnType<PlanReads["index"]["verify"]>>();
  const verify = (digest: string): ReturnType<PlanReads["index"]["verify"]> => {
    const verdict = verdicts.get(digest) ?? reads.index.verify(digest);
    verdicts.set(digest, verdict);
    return verdict;
  };
  let stopped: ReturnType<PlanReads["stopped"]> | undefined;
  return {
    ...reads,
    index: { ...reads.index, verify },
    stopped: () => (stopped ??= reads.stopped()),
  };
}

/** Decides one stage, given the executions that its inputs come from. */
export async function planStage(
  recipe: Recipe,
  settled: Settled,
  reads: PlanReads,
  forced: boolean,
): Promise<StagePlan> {
  const inputs = knownInputs(recipe, settled);
  const base = { id: recipe.id, name: recipe.name, needs: recipe.needs };
  if (Object.keys(inputs).length < Object.keys(recipe.inputs).length) {
    const reasons = [
      ...pendingReasons(recipe, settled),
      ...forcedReasons(forced),
      ...differences(recipe, inputs, reads),
    ];
    const planned: PlannedStage = {
      ...base,
      decision: "run",
      fingerprint: null,
      reasons,
      ...left(recipe, inputs, null, 0, reads),
      ...predicted(recipe, reads),
    };
    return { planned, recipe, inputs: undefined, fresh: [], damage: [] };
  }

  const fields: FingerprintFields = {
    stage: recipe.name,
    params: recipe.identityParams,
    inputs,
    outputs: recipe.outputs,
    sourceDigest: recipe.source.digest,
    packages: recipe.source.packages,
    environment: recipe.environment,
  };
  const fingerprint = fingerprintOf(fields);
  const family = recipe.extension && { family: familyOf(fields, recipe.extension.params) };
  const known = reads.index.execution(fingerprint);
  const evicted = known?.evictedAt !== undefined;
  const { damage, fresh } = known && !evicted ? await verifyOutputs(known, reads) : { damage: [], fresh: [] };
  if (known && !evicted && damage.length === 0 && !forced) {
    const planned: PlannedStage = { ...base, decision: "hit", fingerprint, reasons: [cached(known)] };
    return { planned, recipe, inputs, ...family, hit: known, fresh, damage };
  }

  const { step: checkpointStep, total }: Reached = forced ? {} : reads.checkpoint(fingerprint);
  const extension =
    family && !known && !forced && checkpointStep === undefined
      ? findExtension(recipe, family.family, reads)
      : undefined;
  const resumeStep = checkpointStep ?? extension?.step;
  const reasons: Reason[] = [
    ...forcedReasons(forced),
    ...evictedReasons(known),
    ...damage.map((message): Reason => ({ code: "artifact-missing", message })),
    ...(known ? [] : differences(recipe, inputs, reads)),
    ...(checkpointStep === undefined ? [] : [checkpointFound(checkpointStep)]),
    ...(extension ? [extendsFinished(extension, reads)] : []),
  ];
  const leaves = left(recipe, inputs, fingerprint, resumeStep ?? 0, reads);
  const planned: PlannedStage =
    resumeStep === undefined
      ? { ...base, decision: "run", fingerprint, reasons, ...leaves, ...predicted(recipe, reads) }
      : {
          ...base,
          decision: "resume",
          fingerprint,
          reasons,
          ...leaves,
          resumeStep,
          ...(extension ? { extends: extension } : {}),
          ...(total === undefined ? {} : { resumeTotal: total }),
          ...predicted(recipe, reads, { step: resumeStep, ...(total === undefined ? {} : { total }) }),
        };
  return { planned, recipe, inputs, ...family, fresh, damage, ...(known ? { seen: known.runId } : {}) };
}

function predicted(
  { id, name }: Recipe,
  reads: PlanReads,
  reached?: Reached,
): Pick<PlannedStage, "predicted"> {
  const prediction = predict(name, reads.past(id), reached);
  return prediction === undefined ? {} : { predicted: prediction };
}

/** `step`: where it begins. */
function left(
  recipe: Recipe,
  inputs: Readonly<Record<string, InputRecord>>,
  fingerprint: string | null,
  step: number,
  reads: PlanReads,
): Pick<PlannedStage, "leaves"> {
  const work = { id: recipe.id, recipe: currentRecipe(recipe, inputs), fingerprint, step };
  const leaves = findLeftCheckpoints(work, reads);
  return leaves.length === 0 ? {} : { leaves };
}

/** Fingerprints of the executions that the stage cannot do without: it is a hit on one, or goes on from one. */
export const neededExecutions = ({ hit, planned: { extends: from } }: StagePlan): readonly string[] =>
  [hit, from].flatMap((each) => each?.fingerprint ?? []);

function knownInputs(recipe: Recipe, settled: Settled): Record<string, InputRecord> {
  const known: Record<string, InputRecord> = {};
  for (const [name, { stageId, output, kind, formatVersion }] of Object.entries(recipe.inputs)) {
    const producer = settled.get(stageId);
    const made = producer?.outputs[output];
    if (producer && made)
      known[name] = {
        digest: made.digest,
        kind,
        formatVersion,
        stageId,
        output,
        producer: producer.fingerprint,
      };
  }
  return known;
}

async function verifyOutputs(
  execution: ExecutionRecord,
  { index }: PlanReads,
): Promise<{ damage: string[]; fresh: ObjectRecord[] }> {
  const damage: string[] = [];
  const fresh: ObjectRecord[] = [];
  for (const [name, { digest }] of Object.entries(execution.outputs)) {
    const verdict = await index.verify(digest);
    if (!verdict.intact) damage.push(`output ${name}: ${verdict.problem.message}`);
    else if (verdict.fresh) fresh.push(verdict.fresh);
  }
  return { damage, fresh };
}

/** Why it cannot be a hit: what differs from the latest execution that served this stage id. */
function differences(
  recipe: Recipe,
  inputs: Readonly<Record<string, InputRecord>>,
  { index }: PlanReads,
): Reason[] {
  const latest = index.latest(recipe.id);
  if (latest === undefined)
    return [{ code: "never-ran", message: `${recipe.id} has no finished execution yet` }];
  return explain(latest, currentRecipe(recipe, inputs));
}

const cached = ({ runId, startedAt, stageId, origin }: ExecutionRecord): Reason => ({
  code: "cached",
  field: runId,
  new: startedAt,
  message: `made by ${stageId} in run ${runId}, ${startedAt}${origin ? `, and came from ${origin.from}, signed by ${origin.key}` : ""}`,
});

const forcedReasons = (forced: boolean): Reason[] =>
  forced ? [{ code: "forced", message: "asked to run even if cached" }] : [];

const evictedReasons = (known: ExecutionRecord | undefined): Reason[] =>
  known?.evictedAt === undefined
    ? []
    : [
        {
          code: "evicted",
          field: known.evictedAt,
          message: known.origin?.lineageOnly
            ? `made in run ${known.runId}; only its record came here, from ${known.origin.from}`
            : `made in run ${known.runId}; its artifacts were removed to make room, ${known.evictedAt}`,
        },
      ];

const checkpointFound = (step: number): Reason => ({
  code: "checkpoint-found",
  field: "step",
  new: step,
  message: `goes on from the checkpoint of step ${step}`,
});

function extendsFinished({ fingerprint, step }: ExtendedFrom, { index }: PlanReads): Reason {
  const run = index.execution(fingerprint)?.runId ?? "";
  return {
    code: "extends-finished",
    field: "step",
    old: fingerprint,
    new: step,
    message: `goes on from step ${step} of the finished execution of run ${run}: until there both do the same`,
  };
}

const pendingReasons = (recipe: Recipe, settled: Settled): Reason[] =>
  Object.entries(recipe.inputs)
    .filter(([, { stageId }]) => !settled.has(stageId))
    .map(([name, { stageId }]) => ({
      code: "upstream-runs",
      field: name,
      message: `input ${name} comes from ${stageId}, which runs first`,
    }));
