/**
 * Builds a project of `manyStagesProject` without a process for each stage: planned, locked, stored and committed by the
 * real runner, with the text that the stage would write. A thousand stage processes take minutes, and nobody measures them.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { loadConfig } from "../../src/pipeline/config-load.ts";
import { resolvePipeline } from "../../src/pipeline/define-pipeline.ts";
import { readManifest } from "../../src/runner/compiled.ts";
import type { Executor } from "../../src/runner/executor.ts";
import type { CompileRecord } from "../../src/runner/freshness.ts";
import { loadPipeline } from "../../src/runner/load-pipeline.ts";
import { OpenProject } from "../../src/runner/open-project.ts";
import { makeRunId } from "../../src/runner/run-id.ts";
import { runPlan } from "../../src/runner/run.ts";
import { loadSettings } from "../../src/runner/settings.ts";
import { openStore } from "../../src/store/open-store.ts";
import type { Store } from "../../src/store/store.ts";
import type { GeneratedProject } from "./generated-project.ts";

export async function buildInProcess(generated: GeneratedProject): Promise<void> {
  await generated.pipeline("plan", "--json"); // compiles
  const compiledRoot = join(generated.root, "cache/compiled");
  const { directory } = JSON.parse(readFileSync(join(compiledRoot, "latest.json"), "utf8")) as CompileRecord;
  const options = { projectRoot: generated.root, compiledDirectory: join(compiledRoot, directory) };
  const definition = await loadPipeline(options);
  const file = definition.options.defaultConfig ?? "";
  const config = await loadConfig({
    projectRoot: generated.root,
    file,
    set: undefined,
    schema: definition.config,
  });
  const store = openStore(generated.root);
  const project = new OpenProject({
    options,
    manifest: readManifest(options.compiledDirectory),
    definition,
    resolved: resolvePipeline(definition, config.value),
    config,
    settings: await loadSettings(generated.root),
    store,
  });
  try {
    await run(project, store);
  } finally {
    await store.close();
  }
}

async function run(project: OpenProject, store: Store): Promise<void> {
  const never = new AbortController().signal;
  const { status } = await runPlan(
    {
      runId: makeRunId(),
      config: project.config,
      compiledDirectory: project.parts.options.compiledDirectory,
      env: {},
      store,
      digestFiles: project.digestFiles,
      secrets: project.secrets,
      checkpoints: project.checkpoints,
      continuations: project.continuations,
      executor: () => Promise.resolve(writingLabels(store)),
      presenters: {},
      emit: () => undefined,
      signal: never,
      killSignal: never,
    },
    {
      full: await project.plan(),
      shown: new Set(),
      reads: project.reads,
      keepGoing: false,
    },
  );
  if (status !== "succeeded") throw new Error(`the project was not built: ${status}`);
}

/** Each stage writes its label, as in `manyStagesProject`. */
const writingLabels = (store: Store): Executor => ({
  name: "local",
  capacity: { cpus: 2, memoryBytes: Infinity, accelerators: 0 },
  workDirectory: async (fingerprint) => {
    const path = await store.makeWorkDirectory(fingerprint.slice(0, 12));
    return { path, begun: undefined, dispose: () => rm(path, { recursive: true, force: true }) };
  },
  launch: ({ job }) => {
    const { text: directory = "" } = job.outputs;
    const { label } = job.params;
    if (typeof label !== "string") throw new Error(`${job.exportName} has no label`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "text.txt"), label);
    const result = Promise.resolve({
      outcome: "done",
      outputs: { text: { length: label.length } },
    } as const);
    return Promise.resolve({ result, interrupt: () => undefined, kill: () => undefined });
  },
});
