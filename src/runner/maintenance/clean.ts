/** `clean`: removes by kind what can be made again, whoever needs it. Not while a run is alive. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { userError } from "../../errors.ts";
import { liveRuns } from "../live-runs.ts";
import type { CleanOptions, CleanPart } from "../maintenance-types.ts";
import type { OpenProject } from "../open-project.ts";
import { listDirectory, treeFacts } from "./tree-facts.ts";

/** Kept in git: they say what the folders are. */
const KEPT = "README.md";

export function planClean(project: OpenProject, options: CleanOptions): readonly CleanPart[] {
  refuseWhileRunning(project);
  const { artifacts, checkpoints, logs, compiled, all = false } = options;
  const wanted: readonly (readonly [string, string])[] = [
    ...(all ? everything(project) : []),
    ...(checkpoints === true
      ? ([
          ["cache/checkpoints", "what was interrupted begins anew"],
          ["cache/continuations", "longer executions begin anew"],
        ] as const)
      : []),
    ...(logs === true ? ([["cache/logs", "what stages said is gone"]] as const) : []),
    ...(compiled === true ? ([["cache/compiled", "the next command compiles"]] as const) : []),
    ...(artifacts === true || all ? copies(project) : []),
  ];
  if (!all && ![artifacts, checkpoints, logs, compiled].includes(true))
    throw userError(
      "CLEAN_NOTHING_NAMED",
      "clean needs to know what to remove",
      "npx pipeline clean --artifacts, --checkpoints, --logs, --compiled or --all; npx pipeline gc removes only what nothing needs",
    );
  return [...new Map(wanted)]
    .map(([path, cost]) => ({ path, cost, bytes: treeFacts(join(project.projectRoot, path)).bytes }))
    .filter(({ path }) => listed(project, path));
}

const listed = ({ projectRoot }: OpenProject, path: string): boolean =>
  treeFacts(join(projectRoot, path)).newestMs > 0;

/** Entry by entry: cache/ itself may be a link to another disk, and stays. */
const everything = ({ projectRoot }: OpenProject): (readonly [string, string])[] =>
  listDirectory(join(projectRoot, "cache"))
    .filter((name) => name !== KEPT)
    .map((name) => [`cache/${name}`, costOf(name)]);

function costOf(name: string): string {
  if (name === "objects" || name === "index.mdb" || name === "journal.jsonl")
    return "every stage runs again, and lineage is gone";
  if (name === "downloads") return "downloads are fetched again";
  return "";
}

const copies = ({ projectRoot }: OpenProject): (readonly [string, string])[] =>
  listDirectory(join(projectRoot, "artifacts"))
    .filter((name) => name !== KEPT)
    .map((name) => [`artifacts/${name}`, "the next run copies it again"]);

export async function clean(project: OpenProject, parts: readonly CleanPart[]): Promise<void> {
  refuseWhileRunning(project); // one may have started while a person was asked
  for (const { path } of parts) await rm(join(project.projectRoot, path), { recursive: true, force: true });
}

function refuseWhileRunning({ store }: OpenProject): void {
  const [run] = liveRuns(store.directory);
  const busy = store.keeping.snapshot().claimed.size > 0;
  if (run === undefined && !busy) return;
  const who =
    run === undefined
      ? "another process works on the store"
      : `run ${run.runId} is alive (pid ${run.process.pid})`;
  throw userError(
    "CLEAN_WHILE_RUNNING",
    `${who}: what it reads must stay`,
    "wait for it, or stop it: npx pipeline stop",
  );
}
