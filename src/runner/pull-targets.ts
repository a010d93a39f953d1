/**
 * Pull for the current plan: a stage's fingerprint is known once its inputs are, so finding an upstream's entry makes
 * the next one known. Entries are small and read first; files come when it is clear which.
 */
import { PipelineError, serializeError, type SerializedError } from "../errors.ts";
import type { ExecutionRecord } from "../store/records.ts";
import type { RemoteEntry } from "../store/exchange/remote-entry.ts";
import type { PullRemote } from "../store/exchange/store-exchange.ts";
import type { PulledStage, PullReport } from "./exchange-types.ts";
import type { OpenProject } from "./open-project.ts";
import { planStage } from "./plan.ts";

export async function pullTargets(
  project: OpenProject,
  targets: readonly string[],
  remote: PullRemote,
  dryRun: boolean,
): Promise<PullReport> {
  const { found, stages, refusals } = await findEntries(project, targets, remote);
  const entries = [
    ...new Map([...found.values()].map((entry) => [entry.execution.fingerprint, entry])).values(),
  ];
  const amount = await remote.amount(entries);
  if (!dryRun) {
    await remote.fetch(entries);
    for (const [id, { execution }] of found) project.store.serve(id, execution.fingerprint);
  }
  return { remote: remote.url, stages, refusals, ...amount };
}

interface Found {
  /** By stage id, in topological order. */
  readonly found: ReadonlyMap<string, RemoteEntry>;
  readonly stages: readonly PulledStage[];
  readonly refusals: readonly SerializedError[];
}

async function findEntries(
  project: OpenProject,
  targets: readonly string[],
  remote: PullRemote,
): Promise<Found> {
  const settled = new Map<string, ExecutionRecord>();
  const found = new Map<string, RemoteEntry>();
  const stages: PulledStage[] = [];
  const refusals: SerializedError[] = [];
  for (const { recipe } of (await project.plan(targets)).stages) {
    const { id } = recipe;
    const { hit, planned } = await planStage(recipe, settled, project.reads, false);
    const { fingerprint } = planned;
    if (hit) {
      settled.set(id, hit);
      stages.push({ id, fingerprint, outcome: "here" });
      continue;
    }
    if (fingerprint === null) {
      stages.push({ id, fingerprint, outcome: "absent" });
      continue;
    }
    const entry = await remote.entry(fingerprint).catch((error: unknown) => {
      // Others of its kind may still be believed.
      if (!(error instanceof PipelineError && error.code === "KEY_UNKNOWN")) throw error;
      return error;
    });
    if (entry instanceof PipelineError) {
      refusals.push(serializeError(entry));
      stages.push({ id, fingerprint, outcome: "refused" });
    } else if (entry) {
      found.set(id, entry);
      settled.set(id, { ...entry.execution, logFile: "" });
      stages.push({ id, fingerprint, outcome: "pulled", key: entry.key });
    } else stages.push({ id, fingerprint, outcome: "absent" });
  }
  return { found, stages, refusals };
}
