/**
 * Which stages a plan or a run is about: the targets with all that they need, narrowed by a selection. Pure; what a
 * stage then becomes is planning's (plan.ts).
 */
import { userError, type PipelineError } from "../errors.ts";
import type { ResolvedPipeline } from "../pipeline/define-pipeline.ts";
import type { Plan } from "./plan-types.ts";
import { targetIndex } from "./targets.ts";

/** The same for plan and run. Each names stages as targets do: by id, output or stage name. */
export interface Selection {
  /** Run even if cached. */
  readonly force?: readonly string[];
  /** Run even if cached, and so does whatever follows them. */
  readonly from?: readonly string[];
  /** The run ends with them: nothing that follows them is selected. */
  readonly until?: readonly string[];
  /** Nothing else runs: what they need must be cached. Instead of targets. */
  readonly only?: readonly string[];
}

export interface SelectedStages {
  readonly ids: ReadonlySet<string>;
  /** Run even if cached. */
  readonly forced: ReadonlySet<string>;
  /** Selected because others need them, but not to be run: they must be cached. */
  readonly mustBeCached: ReadonlySet<string>;
}

/**
 * No targets select everything. Throws `UNKNOWN_TARGET`, `SELECTION_CONTRADICTORY` where the parts of the selection
 * exclude each other, and `NOT_SELECTED` where it names a stage that the targets do not need.
 */
export function selectStages(
  pipeline: ResolvedPipeline,
  targets: readonly string[],
  selection: Selection = {},
): SelectedStages {
  const idsOf = targetIndex(pipeline);
  const { needs, followers } = edgesOf(pipeline);
  const [force, from, until, only] = [
    idsOf(selection.force ?? []),
    idsOf(selection.from ?? []),
    idsOf(selection.until ?? []),
    idsOf(selection.only ?? []),
  ];
  if (only.length > 0) {
    refuseBesideOnly(targets, selection);
    const ids = closure(only, needs);
    const alone = new Set(only);
    refuseUnselected("--force", force, alone);
    return {
      ids,
      forced: new Set(force),
      mustBeCached: new Set([...ids].filter((id) => !alone.has(id))),
    };
  }
  const ids = closure(targets.length === 0 ? needs.keys() : idsOf(targets), needs);
  refuseUnselected("--until", until, ids);
  for (const end of until)
    for (const id of closure([end], followers)) {
      if (id === end) continue;
      refuseBehind(end, id, { "--until": until, "--from": from, "--force": force });
      ids.delete(id);
    }
  refuseUnselected("--from", from, ids);
  refuseUnselected("--force", force, ids);
  const following = [...closure(from, followers)].filter((id) => ids.has(id));
  return { ids, forced: new Set([...force, ...following]), mustBeCached: new Set() };
}

/** Throws `NEEDED_NOT_CACHED` where a stage that is to run reads one that must be cached and is not. */
export function refuseUncached({ stages }: Plan, mustBeCached: ReadonlySet<string>): void {
  const read = new Set(stages.filter(({ id }) => !mustBeCached.has(id)).flatMap(({ needs }) => needs));
  // Of the stages before these ones none can be missing: without it these would not be cached either.
  const missing = stages.filter(
    ({ id, decision }) => decision !== "hit" && mustBeCached.has(id) && read.has(id),
  );
  if (missing.length === 0) return;
  const ids = missing.map(({ id }) => id);
  const why = missing.flatMap(({ id, reasons }) => reasons.map(({ message }) => `${id}: ${message}`));
  throw userError(
    "NEEDED_NOT_CACHED",
    `--only needs the results of ${ids.join(" and ")}, which are not cached:\n${why.join("\n")}`,
    `npx pipeline run ${ids.join(" ")} makes them (with the same --config and --set)`,
  );
}

type Edges = ReadonlyMap<string, readonly string[]>;

interface BothWays {
  readonly needs: Edges;
  readonly followers: Edges;
}

/** Asked several times in a run. */
const knownEdges = new WeakMap<ResolvedPipeline, BothWays>();

function edgesOf(pipeline: ResolvedPipeline): BothWays {
  const edges = knownEdges.get(pipeline) ?? findEdges(pipeline);
  knownEdges.set(pipeline, edges);
  return edges;
}

function findEdges({ stages }: ResolvedPipeline): BothWays {
  const needs = new Map<string, string[]>(stages.map(({ id }) => [id, []]));
  const followers = new Map<string, string[]>(stages.map(({ id }) => [id, []]));
  for (const { id, inputs } of stages)
    for (const stageId of new Set(Object.values(inputs).map((input) => input.stageId))) {
      needs.get(id)?.push(stageId);
      followers.get(stageId)?.push(id);
    }
  return { needs, followers };
}

/** The start and everything that the edges lead to. */
function closure(start: Iterable<string>, edges: Edges): Set<string> {
  const reached = new Set(start);
  // A set that grows while it is walked: what was added is walked too.
  for (const id of reached) for (const next of edges.get(id) ?? []) reached.add(next);
  return reached;
}

function refuseBesideOnly(targets: readonly string[], { from = [], until = [] }: Selection): void {
  const other = targets.length > 0 ? "targets" : from.length > 0 ? "--from" : "--until";
  if (targets.length + from.length + until.length === 0) return;
  throw contradictory(
    `--only names all that may run, so it goes with no ${other}`,
    `leave out --only, or ${other === "targets" ? `give --only ${targets.join(" --only ")} instead` : other}`,
  );
}

function refuseBehind(end: string, id: string, named: Readonly<Record<string, readonly string[]>>): void {
  const option = Object.keys(named).find((each) => named[each]?.includes(id) === true);
  if (option === undefined) return;
  throw contradictory(
    `${option} ${id} lies behind --until ${end}, where the run ends`,
    `leave out one of them: npx pipeline graph shows what follows ${end}`,
  );
}

function refuseUnselected(option: string, named: readonly string[], ids: ReadonlySet<string>): void {
  const missing = named.find((id) => !ids.has(id));
  if (missing === undefined) return;
  throw userError(
    "NOT_SELECTED",
    `${option} names ${missing}, which is not among the selected stages: ${[...ids].join(", ")}`,
    "name a target that needs it, or no target: npx pipeline graph shows what needs what",
  );
}

const contradictory = (message: string, hint: string): PipelineError =>
  userError("SELECTION_CONTRADICTORY", message, hint);
