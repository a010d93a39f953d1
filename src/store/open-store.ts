/** Puts the parts of the store together: index, objects, locks, views and work, all below one cache directory. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { PipelineError } from "../errors.ts";
import { thisProcess } from "../std/process-identity.ts";
import { adoptingOwner, claimKey } from "./claims.ts";
import { IndexDatabase } from "./index-database.ts";
import { openKeeping, releaseClaims } from "./keeping.ts";
import { lockHolder, tryLock, unlock } from "./locks.ts";
import { ObjectDirectory, type Verdict } from "./objects.ts";
import type { ExecutionRecord, ObjectRecord, RunRecord } from "./records.ts";
import { viewPath, type Store } from "./store.ts";
import { StatCache } from "./stat-cache.ts";
import { makeView, sweepViewWork } from "./view.ts";
import { deadWork, makeWorkDirectory, sweepWork, workOfHost } from "./work.ts";

/** `cacheDirectory` and `artifacts/` belong to `projectRoot`; both are absolute. */
export function openStore(projectRoot: string, cacheDirectory = join(projectRoot, "cache")): Store {
  const index = new IndexDatabase(join(cacheDirectory, "index.mdb"));
  const objects = new ObjectDirectory(join(cacheDirectory, "objects"));
  const workRoot = join(cacheDirectory, "work");

  const execution = (fingerprint: string) =>
    index.get(["execution", fingerprint]) as ExecutionRecord | undefined;
  const object = (digest: string) => index.get(["object", digest]) as ObjectRecord | undefined;
  const latestFingerprint = (stageId: string) => index.get(["latest", stageId]) as string | undefined;
  const lastKeys = (...prefix: string[]): string[] =>
    index.entries(prefix).map(({ key }) => key[key.length - 1] ?? "");
  const viewed = (stageId: string, output: string): string | undefined => {
    const present = existsSync(`${projectRoot}/${viewPath(stageId, output)}`);
    return present ? (index.get(["view", stageId, output]) as string | undefined) : undefined;
  };

  /** Owners of claims that this process made and has not given up. */
  const claimants = new Set<string>();
  /** Fingerprints of locks that this process let go and could not take out of the index, e.g. on a full disk. */
  const givenUp = new Set<string>();
  const makeWork = (name: string): Promise<string> => makeWorkDirectory(workRoot, name);
  const objectPath = (digest: string): string => objects.path(digest);

  return {
    directory: cacheDirectory,
    keeping: openKeeping({ projectRoot, index, objectPath, makeWorkDirectory: makeWork, claimants }),
    stats: new StatCache(cacheDirectory),
    execution,
    object,
    viewed,
    latest(stageId) {
      const fingerprint = latestFingerprint(stageId);
      return fingerprint === undefined ? undefined : execution(fingerprint);
    },
    executions: () => index.entries(["execution"]).map(({ value }) => value as ExecutionRecord),
    producers: (digest) => lastKeys("produced", digest),
    consumers: (digest) => lastKeys("consumed", digest),
    family: (family) => lastKeys("family", family),
    runs: () => index.entries(["run"], true).map(({ value }) => value as RunRecord),
    async verify(digest, options): Promise<Verdict> {
      const record = object(digest);
      if (record !== undefined) return objects.verify(record, options);
      const message = `the index has no record of artifact ${digest}`;
      return { intact: false, problem: { code: "missing-object", message } };
    },
    lockHolder: (fingerprint) => lockHolder(index, fingerprint),

    objectPath,
    adopt: (directory) =>
      objects.adopt(directory, (digest) =>
        index.transaction((put) => {
          claimants.add(adoptingOwner());
          put(claimKey(adoptingOwner(), digest), thisProcess());
          return existsSync(objects.path(digest));
        }),
      ),
    commit(record, made) {
      index.transaction((put, remove) => {
        putExecution(put, record, made);
        put(["latest", record.stageId], record.fingerprint);
        // Its run may still read what it made, whatever other runs and a collection do meanwhile.
        claimants.add(record.runId);
        put(claimKey(record.runId, record.fingerprint), thisProcess());
        for (const { digest } of made) remove(claimKey(adoptingOwner(), digest));
      });
    },
    receive(received, run) {
      index.transaction((put, remove) => {
        for (const { execution: record, objects: made } of received) {
          putExecution(put, record, made);
          for (const { digest } of made) remove(claimKey(adoptingOwner(), digest));
          if (record.evictedAt !== undefined) continue;
          for (const { digest } of Object.values(record.outputs))
            if (object(digest) === undefined) throw evictedMeanwhile(digest);
          if (latestFingerprint(record.stageId) === undefined)
            put(["latest", record.stageId], record.fingerprint);
        }
        if (run) put(["run", run.runId], run);
      });
    },
    serve(stageId, fingerprint) {
      const day = today();
      if (latestFingerprint(stageId) === fingerprint && index.get(["used", fingerprint]) === day) return;
      index.transaction((put) => {
        put(["latest", stageId], fingerprint);
        put(["used", fingerprint], day);
      });
    },
    remember: (record) =>
      index.transaction((put) => {
        // Evicted meanwhile, it must not come back as a record without files.
        if (object(record.digest) !== undefined) put(["object", record.digest], record);
      }),
    recordRun: (run) =>
      index.transaction((put, remove) => {
        put(["run", run.runId], run);
        releaseClaims(index, run.runId, remove);
        claimants.delete(run.runId);
      }),
    tryLock: (fingerprint, holder) => {
      const result = tryLock(index, fingerprint, holder, givenUp.has(fingerprint));
      if (result.acquired) givenUp.delete(fingerprint);
      return result;
    },
    unlock(fingerprint, process) {
      try {
        unlock(index, fingerprint, process);
      } catch (error) {
        givenUp.add(fingerprint);
        throw error;
      }
    },

    async refreshView(stageId, output, digest, present) {
      const path = viewPath(stageId, output);
      const target = join(projectRoot, path);
      if (viewed(stageId, output) === digest) return path;
      const record = object(digest);
      if (record === undefined)
        throw new PipelineError({
          code: "ARTIFACT_UNKNOWN",
          message: `the index has no record of artifact ${digest} of ${stageId}`,
        });
      const exclusively = (swap: () => void): void =>
        index.transaction((put) => {
          swap();
          put(["view", stageId, output], digest);
        });
      const objectPath = objects.path(digest);
      await makeView({ target, object: record, objectPath, workRoot, present, exclusively });
      return path;
    },
    makeWorkDirectory: makeWork,
    deadWork: () => deadWork(workRoot),
    workOfHost: (host) => workOfHost(workRoot, host),
    async sweepWork() {
      await sweepWork(workRoot);
      await sweepViewWork(join(projectRoot, "artifacts"), workRoot);
    },
    compareJournal: () => index.compareJournal(),
    repairIndex: () => index.repair(),
    takeNotices: () => index.takeNotices(),
    unindexedObjects: () =>
      onDisk(join(cacheDirectory, "objects")).filter((digest) => object(digest) === undefined),
    async close() {
      try {
        if (claimants.size > 0)
          index.transaction((_put, remove) => {
            for (const owner of claimants) releaseClaims(index, owner, remove);
          });
      } catch {
        // A claim that cannot be taken back, e.g. on a full disk, dies with this process.
      }
      await index.close();
    },
  };
}

/** The day of last use decides what a collection may take, never what a stage computes. */
const today = (): string => new Date().toISOString().slice(0, 10);

function putExecution(
  put: (key: string[], value: unknown) => void,
  record: ExecutionRecord,
  made: readonly ObjectRecord[],
): void {
  for (const each of made) put(["object", each.digest], each);
  for (const { digest } of Object.values(record.outputs)) put(["produced", digest, record.fingerprint], 1);
  for (const { digest } of Object.values(record.inputs)) put(["consumed", digest, record.fingerprint], 1);
  if (record.family !== undefined) put(["family", record.family, record.fingerprint], 1);
  put(["execution", record.fingerprint], record);
  if (record.evictedAt === undefined) put(["used", record.fingerprint], today());
}

const evictedMeanwhile = (digest: string): PipelineError =>
  new PipelineError({
    code: "ARTIFACT_EVICTED",
    message: `artifact ${digest} was here when the transfer began, and gc removed it since`,
    hint: "the same command again fetches it",
  });

/** Names of all directories two levels down. */
function onDisk(root: string): string[] {
  if (!existsSync(root)) return [];
  const shelves = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return shelves.flatMap(({ name }) => readdirSync(join(root, name)));
}
