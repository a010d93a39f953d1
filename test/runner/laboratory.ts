/** The project of a random world: the real planner, runner and store; stages are executed in this process, in any order. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { digestValue } from "../../src/hashing/digest.ts";
import { artifact } from "../../src/pipeline/artifact.ts";
import type { ResolvedPipeline } from "../../src/pipeline/define-pipeline.ts";
import type { AnyStage } from "../../src/pipeline/stage.ts";
import { Checkpoints } from "../../src/runner/checkpoints.ts";
import type { CompiledManifest } from "../../src/runner/compiled.ts";
import { Continuations } from "../../src/runner/continuations.ts";
import type { Executor, StageLaunch } from "../../src/runner/executor.ts";
import { makePlan, type FullPlan, type PlanReads } from "../../src/runner/plan.ts";
import { digestLocalFiles } from "../../src/hashing/local-files.ts";
import { makeRecipes } from "../../src/runner/recipe.ts";
import { runPlan } from "../../src/runner/run.ts";
import { Secrets } from "../../src/runner/secrets.ts";
import type { RunSummary } from "../../src/runner/session-types.ts";
import { findStoppedWork } from "../../src/runner/stopped-work.ts";
import { selectStages } from "../../src/runner/selection.ts";
import { openStore } from "../../src/store/open-store.ts";
import type { Store } from "../../src/store/store.ts";
import { compute, type Step, type World } from "./random-world.ts";

const secrets = new Secrets({});

const Text = artifact({
  kind: "text",
  formatVersion: 1,
  open: (directory: string) => Promise.resolve(directory),
  create: (directory: string) => Promise.resolve(directory),
  validate: () => Promise.resolve(),
});

const valueFile = (directory: string): string => join(directory, "value.txt");

export class Laboratory {
  readonly #directory = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "laboratory-"));
  readonly store: Store = openStore(this.#directory);
  readonly #checkpoints = new Checkpoints(this.store.directory);
  readonly #continuations = new Continuations(this.store.directory);
  readonly #draw: () => number;
  #runs = 0;
  /** Ids in the order in which they were started since the last look. */
  launched: string[] = [];

  /** `draw`: numbers below 1 that decide the order of completion. */
  constructor(draw: () => number) {
    this.#draw = draw;
  }

  readonly #digestFiles = (path: string) => digestLocalFiles(this.#directory, path, this.store.stats);

  get reads(): PlanReads {
    return {
      index: this.store,
      checkpoint: (fingerprint) => this.#checkpoints.read(fingerprint),
      past: () => [],
      continuationSteps: (fingerprint) => this.#continuations.steps(fingerprint),
      stopped: () => findStoppedWork(this.#checkpoints, this.store),
      paramsPath: () => undefined,
    };
  }

  async plan(world: World, targets: readonly string[], forced: ReadonlySet<string>): Promise<FullPlan> {
    const { pipeline, manifest } = describe(world);
    const { ids } = selectStages(pipeline, targets, {});
    const stages = pipeline.stages.filter(({ id }) => ids.has(id));
    const recipes = await makeRecipes(stages, manifest, this.#digestFiles, secrets);
    return makePlan({ pipeline: "random", targets, recipes, forced }, this.reads);
  }

  async run(
    world: World,
    targets: readonly string[] = [],
    forced: ReadonlySet<string> = new Set(),
  ): Promise<RunSummary> {
    const full = await this.plan(world, targets, forced);
    const never = new AbortController().signal;
    const executor = this.#executor(world);
    return runPlan(
      {
        runId: `run-${this.#runs++}`,
        config: "random",
        digestFiles: this.#digestFiles,
        compiledDirectory: this.#directory,
        env: {},
        secrets,
        store: this.store,
        checkpoints: this.#checkpoints,
        continuations: this.#continuations,
        executor: () => Promise.resolve(executor),
        presenters: {},
        emit: () => undefined,
        signal: never,
        killSignal: never,
      },
      { full, shown: new Set(), reads: this.reads, keepGoing: false },
    );
  }

  #executor(world: World): Executor {
    const running: (() => void)[] = [];
    const finishOne = (): void => {
      const [finish] = running.splice(Math.floor(this.#draw() * running.length), 1);
      finish?.();
    };
    return {
      name: "local",
      capacity: { cpus: 4, memoryBytes: 1, accelerators: 0 },
      workDirectory: async (fingerprint) => {
        const path = await this.store.makeWorkDirectory(fingerprint.slice(0, 12));
        return { path, begun: undefined, dispose: () => rm(path, { recursive: true, force: true }) };
      },
      launch: (launch) => {
        this.launched.push(launch.stage);
        const result = new Promise<void>((resolve) => running.push(resolve)).then(() =>
          execute(world, launch),
        );
        setTimeout(finishOne, this.#draw() < 0.5 ? 0 : 1);
        return Promise.resolve({ result, interrupt: () => undefined, kill: () => undefined });
      },
    };
  }

  content(digest: string): string {
    return readFileSync(valueFile(this.store.objectPath(digest)), "utf8");
  }

  /** Of the latest artifact of a stage; answers what it held, or undefined where there is nothing to damage. */
  async damage(id: string, how: NonNullable<Step["damage"]>["how"]): Promise<string | undefined> {
    const digest = this.store.latest(id)?.outputs["out"]?.digest;
    if (digest === undefined || !existsSync(valueFile(this.store.objectPath(digest)))) return undefined;
    if (!(await this.store.verify(digest)).intact) return undefined;
    const content = this.content(digest);
    const file = valueFile(this.store.objectPath(digest));
    // Time stamps are coarse: one tick later, a change shows.
    await new Promise((resolve) => setTimeout(resolve, 10));
    if (how === "gone") rmSync(this.store.objectPath(digest), { recursive: true });
    else if (how === "file-gone") rmSync(file);
    else {
      chmodSync(file, 0o644);
      if (how === "cut") truncateSync(file, 1);
      else
        writeFileSync(
          file,
          content.replace(/.$/, (last) => (last === "0" ? "1" : "0")),
        );
    }
    return content;
  }

  async close(): Promise<void> {
    await this.store.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function execute(
  world: World,
  { stage, job }: StageLaunch,
): { outcome: "done"; outputs: { out: { length: number } } } {
  const state = world.stages.get(stage);
  const directory = job.outputs["out"];
  if (state === undefined || directory === undefined) throw new Error(`${stage} cannot run`);
  const inputs = state.inputs.map((input) => readFileSync(valueFile(job.inputs[input] ?? ""), "utf8"));
  const content = compute(world, state, inputs);
  mkdirSync(directory, { recursive: true });
  writeFileSync(valueFile(directory), content);
  return { outcome: "done", outputs: { out: { length: content.length } } };
}

const params = z.strictObject({ value: z.int(), modulus: z.int(), workers: z.int() });

function describe(world: World): { pipeline: ResolvedPipeline; manifest: CompiledManifest } {
  const definitions = new Map<string, AnyStage>();
  for (const { name, inputs, fact } of world.stages.values())
    definitions.set(name, {
      name,
      description: name,
      inputs: Object.fromEntries(inputs.map((input) => [input, Text])),
      outputs: { out: Text },
      params,
      runtimeParams: ["workers"],
      ...(fact === undefined ? {} : { environment: { fact: () => Promise.resolve(fact) } }),
      run: () => Promise.reject(new Error("the executor computes")),
    });
  const stages = [...world.stages].map(([id, { name, inputs, value, modulus, workers }]) => {
    const stage = definitions.get(name);
    if (stage === undefined) throw new Error(`${name} is not defined`);
    const wired = Object.fromEntries(inputs.map((input) => [input, { stageId: input, output: "out" }]));
    return { id, stage, inputs: wired, params: { value, modulus, workers } };
  });
  const compiled = new Map(
    [...world.stages.values()].map(({ name, body, helpers }) => {
      // Comments are not in it: that the real digest leaves them out is proved in test/hashing.
      const files = {
        body,
        ...Object.fromEntries(helpers.map((index) => [`helper${index}`, world.helpers[index] ?? 0])),
      };
      const digests = Object.fromEntries(
        Object.entries(files).map(([file, version]) => [file, digestValue(version)]),
      );
      const source = { digest: digestValue(files), files: digests, packages: {} };
      return [name, { name, file: `${name}.ts`, module: `${name}.mjs`, exportName: name, source }];
    }),
  );
  return {
    pipeline: { name: "random", stages, outputs: {} },
    manifest: { stageProcess: "", watchdog: "", stages: [...compiled.values()] },
  };
}
