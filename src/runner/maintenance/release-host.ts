/**
 * `clean --locks HOST`: what a machine left in a store that it shared with this one. Processes of this machine can be
 * asked whether they live; those of another cannot, so a person must say that it is dead.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { userError } from "../../errors.ts";
import { thisProcess } from "../../std/process-identity.ts";
import { liveRuns, retireRunsOf } from "../live-runs.ts";
import type { HostRemains } from "../maintenance-types.ts";
import type { OpenProject } from "../open-project.ts";

export function remainsOf({ store }: OpenProject, host: string): HostRemains {
  const here = thisProcess().host;
  if (host === here)
    throw userError(
      "HOST_IS_THIS",
      `${host} is this machine: what its dead processes held is free already`,
      "npx pipeline status shows who works; npx pipeline stop ends runs that are alive",
    );
  const held = store.keeping.held();
  const running = liveRuns(store.directory);
  const { locks, claims } = held.get(host) ?? { locks: [], claims: 0 };
  const remains: HostRemains = {
    host,
    locks: locks.map(({ holder: { stageId, runId, since } }) => ({ stage: stageId, runId, since })),
    claims,
    runs: running.filter(({ process }) => process.host === host).map(({ runId }) => runId),
    work: store.workOfHost(host),
  };
  if (remains.locks.length + claims + remains.runs.length + remains.work.length > 0) return remains;
  const others = [...new Set([...held.keys(), ...running.map(({ process }) => process.host)])];
  const known = others.filter((each) => each !== here);
  throw userError(
    "HOST_UNKNOWN",
    `no machine called ${host} holds anything here`,
    known.length === 0 ? "no other machine does either" : `those that do: ${known.join(", ")}`,
  );
}

export async function releaseHost(project: OpenProject, host: string): Promise<HostRemains> {
  const remains = remainsOf(project, host);
  const { store } = project;
  store.keeping.release(host);
  retireRunsOf(store.directory, host);
  for (const name of remains.work)
    await rm(join(store.directory, "work", name), { recursive: true, force: true });
  return remains;
}
