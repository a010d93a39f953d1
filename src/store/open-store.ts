/** Puts the parts of the store together: index, objects, locks, views and work, all below one cache directory. */
import { existsSync, readdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PipelineError } from "../errors.ts";
import { IndexDatabase } from "./index-database.ts";
import { lockHolder, tryLock, unlock } from "./locks.ts";
import { ObjectDirectory, type Verdict } from "./objects.ts";
import type { ExecutionRecord, ObjectRecord, RunRecord } from "./records.ts";
import { viewPath, type Store } from "./store.ts";
import { makeView } from "./view.ts";
import { makeWorkDirectory, sweepWork } from "./work.ts";

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
    const present = existsSync(join(projectRoot, viewPath(stageId, output)));
    return present ? (index.get(["view", stageId, output]) as string | undefined) : undefined;
  };

  return {
    directory: cacheDirectory,
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

    objectPath: (digest) => objects.path(digest),
    adopt: (directory) => objects.adopt(directory),
    commit(record, made) {
      index.transaction((put) => {
        for (const each of made) put(["object", each.digest], each);
        for (const { digest } of Object.values(record.outputs))
          put(["produced", digest, record.fingerprint], 1);
        for (const { digest } of Object.values(record.inputs))
          put(["consumed", digest, record.fingerprint], 1);
        put(["execution", record.fingerprint], record);
        put(["latest", record.stageId], record.fingerprint);
        if (record.family !== undefined) put(["family", record.family, record.fingerprint], 1);
      });
    },
    serve(stageId, fingerprint) {
      if (latestFingerprint(stageId) === fingerprint) return;
      index.transaction((put) => put(["latest", stageId], fingerprint));
    },
    remember: (record) => index.transaction((put) => put(["object", record.digest], record)),
    recordRun: (run) => index.transaction((put) => put(["run", run.runId], run)),
    tryLock: (fingerprint, holder) => tryLock(index, fingerprint, holder),
    unlock: (fingerprint, process) => unlock(index, fingerprint, process),

    async refreshView(stageId, output, digest, present) {
      const path = viewPath(stageId, output);
      if (viewed(stageId, output) === digest) return path;
      const record = object(digest);
      if (record === undefined)
        throw new PipelineError({
          code: "ARTIFACT_UNKNOWN",
          message: `the index has no record of artifact ${digest} of ${stageId}`,
        });
      const target = join(projectRoot, path);
      await mkdir(dirname(target), { recursive: true });
      await makeView({ target, object: record, objectPath: objects.path(digest), present });
      index.transaction((put) => put(["view", stageId, output], digest));
      return path;
    },
    makeWorkDirectory: (name) => makeWorkDirectory(workRoot, name),
    sweepWork: () => sweepWork(workRoot),
    unindexedObjects: () =>
      onDisk(join(cacheDirectory, "objects")).filter((digest) => object(digest) === undefined),
    close: () => index.close(),
  };
}

/** Names of all directories two levels down. */
function onDisk(root: string): string[] {
  if (!existsSync(root)) return [];
  const shelves = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return shelves.flatMap(({ name }) => readdirSync(join(root, name)));
}
