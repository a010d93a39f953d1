/**
 * `verify`: is a stage deterministic? Executes its hit once more, with the same inputs, in a directory and with a
 * checkpoint directory of its own, and compares. Nothing is committed, and nothing appears in artifacts/.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { PipelineError, userError } from "../../errors.ts";
import { digestTree, treeDigest, type TreeFile } from "../../hashing/tree.ts";
import type { ExecutionRecord } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import { chooseExecutor } from "../choose-executor.ts";
import type { NewEvent } from "../event-log.ts";
import type { ReadyStage } from "../execute-stage.ts";
import { launchStage } from "../launch-stage.ts";
import type { FileDifference, VerifyOptions, VerifyReport } from "../maintenance-types.ts";
import type { OpenProject } from "../open-project.ts";
import { ResourceScheduler } from "../resource-queue.ts";
import { makeRunId } from "../run-id.ts";
import { firstDifference, firstJsonDifference } from "./compare-files.ts";

export async function verify(
  project: OpenProject,
  target: string,
  { onEvent = () => undefined, signal = new AbortController().signal }: VerifyOptions,
): Promise<VerifyReport> {
  const { store } = project;
  const [id = target] = project.idsOf([target]);
  const { stages } = await project.plan([id]);
  const stage = stages.find(({ recipe }) => recipe.id === id);
  const runId = makeRunId();
  if (!stage?.hit || !isReady(stage) || !claimed(store, runId, stage)) throw notCached(id);
  const { hit, recipe } = stage;
  // On this machine, whatever runs the project's stages: a cluster's directories belong to the fingerprint's lock.
  const executor = await chooseExecutor(project, { executor: "local" })();
  const work = await executor.workDirectory(hit.fingerprint, false);
  const emit = (event: NewEvent): void => {
    onEvent({ at: new Date().toISOString(), ...project.secrets.redact(event) });
  };
  try {
    const directoryOf = (output: string): string => join(work.path, "outputs", output);
    const checkpointDirectory = join(work.path, "checkpoint", "data");
    await mkdir(checkpointDirectory, { recursive: true });
    const startedAt = performance.now();
    const result = await new ResourceScheduler(executor.capacity).run(recipe.resources, (grant) =>
      launchStage(
        {
          runId,
          compiledDirectory: project.parts.options.compiledDirectory,
          env: project.env,
          secrets: project.secrets,
          store,
          emit,
          signal,
          killSignal: signal,
        },
        executor,
        stage,
        grant,
        {
          outputs: Object.fromEntries(Object.keys(recipe.outputs).map((name) => [name, directoryOf(name)])),
          checkpointDirectory,
          checkpointMark: join(work.path, "checkpoint", "checkpoint.json"),
        },
      ),
    );
    signal.throwIfAborted();
    if (result.outcome === "failed") throw new PipelineError(result.error);
    const durationMs = performance.now() - startedAt;
    const outputs: VerifyReport["outputs"][number][] = [];
    for (const [output, { digest }] of Object.entries(hit.outputs))
      outputs.push(await compareOutput(store, output, digest, directoryOf(output)));
    return {
      stage: id,
      fingerprint: hit.fingerprint,
      equal: outputs.every(({ stored, again }) => stored === again),
      durationMs: Math.round(durationMs),
      recordedMs: hit.durationMs,
      outputs,
    };
  } finally {
    await work.dispose();
  }
}

type Hit = { readonly hit: ExecutionRecord } & ReadyStage;

const isReady = (stage: { readonly hit?: ExecutionRecord; readonly inputs: unknown }): stage is Hit =>
  stage.hit !== undefined && stage.inputs !== undefined;

/** The artifact itself and what it is made from, so that no collection takes either meanwhile. */
const claimed = (store: Store, runId: string, { hit, inputs }: Hit): boolean =>
  store.keeping.claim(runId, [hit.fingerprint, ...Object.values(inputs).map(({ producer }) => producer)])
    .length === 0;

const notCached = (id: string): PipelineError =>
  userError(
    "VERIFY_NOT_CACHED",
    `${id} has no result under this recipe that a second execution could be compared with`,
    `npx pipeline run ${id}`,
  );

async function compareOutput(
  store: Store,
  output: string,
  stored: string,
  directory: string,
): Promise<VerifyReport["outputs"][number]> {
  const files = await digestTree(directory);
  const differences: FileDifference[] = [];
  const before = byPath(store.object(stored)?.files ?? []);
  const after = byPath(files);
  for (const path of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    if (before.get(path)?.sha256 === after.get(path)?.sha256) continue;
    if (!before.has(path)) differences.push({ path, how: "only-again" });
    else if (!after.has(path)) differences.push({ path, how: "only-stored" });
    else
      differences.push(await compareFile(join(store.objectPath(stored), path), join(directory, path), path));
  }
  return { output, stored, again: treeDigest(files), differences };
}

const byPath = (files: readonly TreeFile[]): ReadonlyMap<string, TreeFile> =>
  new Map(files.map((file) => [file.path, file]));

async function compareFile(stored: string, again: string, path: string): Promise<FileDifference> {
  const offset = await firstDifference(stored, again);
  const key = path.endsWith(".json") ? await firstJsonDifference(stored, again) : undefined;
  return {
    path,
    how: "differs",
    ...(offset === undefined ? {} : { offset }),
    ...(key === undefined ? {} : { key }),
  };
}
