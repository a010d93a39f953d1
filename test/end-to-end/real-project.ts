/**
 * This project itself, copied to a temporary directory with caches of its own and a recipe so small that
 * WebAssembly trains it in seconds; driven through bin/pipeline.js as a user drives it. Not a test.
 */
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import type { RunnerEvent } from "../../src/runner/event.ts";
import type { Plan } from "../../src/runner/plan-types.ts";
import { trainingText } from "./training-text.ts";

export const packageRoot = resolve(import.meta.dirname, "../..");

/** Everything that a clone has and a run reads. */
const copied = ["bin", "configs", "pipeline.ts", "package.json", "src", "stages"];

export const vocabSize = 400;
export const steps = 60;

const recipe = `extends: tiny.yaml
downloadSample:
  heldOutFraction: 0.1
  sources:
    - { kind: local, path: text/en.jsonl, language: en, category: tales, characters: 200000 }
    - { kind: local, path: text/zh.jsonl, language: zh, category: tales, characters: 100000 }
trainTokenizer: { vocabSize: ${vocabSize} }
shard: { validationFraction: 0.1 }
pretrain:
  model: { hiddenSize: 32, intermediateSize: 64, numLayers: 2, numHeads: 2, numKvHeads: 1, contextLength: 64 }
  steps: ${steps}
  microBatchSize: 4
  schedule: { kind: warmupStableDecay, peak: 0.004, warmupSteps: 3, decayRatio: 0.3 }
  checkpointEverySteps: 10
sft: { sequenceLength: 64 }
dpo: { maxLength: 64, maxPromptLength: 48 }
eval: { sequenceLength: 64 }
`;

export interface Output {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RealProject extends Disposable {
  readonly directory: string;
  /** `pipeline ARGUMENTS` to its end. */
  pipeline(...commandLine: readonly string[]): Promise<Output>;
  plan(...commandLine: readonly string[]): Promise<Plan>;
  /** The events of `run ARGUMENTS --json`. */
  run(...commandLine: readonly string[]): Promise<readonly RunnerEvent[]>;
  /** The same, ended by a SIGKILL to the runner or the stage's process once pretrain has a checkpoint of this step. */
  runAndKill(victim: "runner" | "stage", atStep: number, ...commandLine: readonly string[]): Promise<Output>;
}

export function createRealProject(): RealProject {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "real-project-")));
  for (const path of copied) cpSync(join(packageRoot, path), join(directory, path), { recursive: true });
  symlinkSync(join(packageRoot, "node_modules"), join(directory, "node_modules"));
  mkdirSync(join(directory, "text"));
  writeFileSync(join(directory, "text/en.jsonl"), trainingText("en", 400));
  writeFileSync(join(directory, "text/zh.jsonl"), trainingText("zh", 400));
  writeFileSync(join(directory, "configs/smallest.yaml"), recipe);

  const start = (commandLine: readonly string[]) =>
    execa(process.execPath, [join(directory, "bin/pipeline.js"), ...commandLine], {
      cwd: directory,
      reject: false,
      stdin: "ignore",
      env: {
        PIPELINE_ENGINE: "wasm",
        NO_COLOR: "1",
        FORCE_COLOR: undefined,
        CI: undefined,
        // No test depends on a network: nobody listens there, and npm tries once.
        npm_config_registry: "http://127.0.0.1:9",
        npm_config_fetch_retries: "0",
      },
    });
  const succeed = async (...commandLine: readonly string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await start(commandLine);
    if (exitCode !== 0)
      throw new Error(`pipeline ${commandLine.join(" ")}: ${exitCode}\n${stdout}\n${stderr}`);
    return stdout;
  };
  const small = ["--config", "smallest", "--json"];
  return {
    directory,
    async pipeline(...commandLine) {
      const { exitCode, stdout, stderr } = await start(commandLine);
      return { exitCode, stdout, stderr };
    },
    plan: async (...commandLine) => JSON.parse(await succeed("plan", ...small, ...commandLine)) as Plan,
    run: async (...commandLine) => eventsOf(await succeed("run", ...small, ...commandLine)),
    async runAndKill(victim, atStep, ...commandLine) {
      const runner = start(["run", ...small, ...commandLine]);
      for await (const line of createInterface({ input: runner.stdout })) {
        const event = JSON.parse(line) as RunnerEvent;
        if (event.type !== "stage-checkpoint" || event.stage !== "pretrain" || event.step < atStep) continue;
        const pid = victim === "runner" ? runner.pid : await childOf(runner.pid);
        if (pid === undefined) throw new Error(`there is no process of the ${victim}`);
        process.kill(pid, "SIGKILL");
        break;
      }
      const { exitCode, stdout, stderr } = await runner;
      return { exitCode, stdout, stderr };
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }),
  };
}

const eventsOf = (stdout: string): RunnerEvent[] =>
  stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as RunnerEvent);

/** The stage process that a runner has started. */
async function childOf(runner: number | undefined): Promise<number | undefined> {
  const { stdout } = await execa("ps", ["-A", "-o", "pid=,ppid=,args="]);
  const fields = stdout.split("\n").map((line) => line.trim().split(/\s+/));
  const child = fields.find(([, parent, ...args]) => {
    return Number(parent) === runner && args.some((arg) => arg.endsWith("stage-process.mjs"));
  });
  return child === undefined ? undefined : Number(child[0]);
}
