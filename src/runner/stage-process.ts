/**
 * The process that runs one stage: takes a job over IPC, opens inputs, calls the stage, validates what it
 * wrote, reports, ends. It decides nothing about caching and never touches the store.
 */
import { readdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { PipelineError, serializeError } from "../errors.ts";
import type { AnyArtifact, OutputSlot, Written } from "../pipeline/artifact.ts";
import type { AnyStage, StageContext } from "../pipeline/stage.ts";
import type { JsonObject } from "../std/json.ts";
import { markStep } from "./checkpoints.ts";
import { explainFailure } from "./failure.ts";
import type { MessageFromStage, MessageToStage, StageJob } from "./stage-protocol.ts";
import type { WatchdogData } from "./watchdog.ts";

const interrupt = new AbortController();

function send(message: MessageFromStage, sent?: () => void): void {
  if (process.connected) process.send?.(message, undefined, undefined, sent);
}

/** Ends this process as soon as the message is out. */
function finish(message: MessageFromStage, exitCode: number): void {
  send(message, () => process.exit(exitCode));
}

async function runJob(job: StageJob): Promise<Record<string, JsonObject>> {
  const exports = (await import(pathToFileURL(job.module).href)) as Readonly<Record<string, AnyStage>>;
  const stage = exports[job.exportName];
  if (stage === undefined) throw new Error(`${job.module} exports no ${job.exportName}`);

  const inputs: Record<string, unknown> = {};
  for (const [name, directory] of Object.entries(job.inputs))
    inputs[name] = await typeOf(stage.inputs, name).open(directory);

  const written = new Map<unknown, string>();
  const outputs: Record<string, OutputSlot<string, unknown>> = {};
  for (const [name, directory] of Object.entries(job.outputs)) {
    await mkdir(directory, { recursive: true });
    outputs[name] = makeSlot(typeOf(stage.outputs, name), directory, (proof) => written.set(proof, name));
  }
  const result = await stage.run({ inputs, outputs, params: job.params, context: makeContext(job) });
  return checkOutputs(stage, job, result, written);
}

function typeOf(artifacts: AnyStage["inputs"], name: string): AnyArtifact {
  const type = artifacts[name];
  if (type === undefined) throw new Error(`the stage declares no ${name}`);
  return type;
}

function makeSlot(
  type: AnyArtifact,
  directory: string,
  note: (proof: Written<string>) => void,
): OutputSlot<string, unknown> {
  return {
    directory,
    create: () => type.create(directory),
    written: (summary = {}) => {
      // The brand exists for the type checker only; what proves an output at run time is the object's identity.
      const proof = { summary } as Written<string>;
      note(proof);
      return proof;
    },
  };
}

function makeContext(job: StageJob): StageContext {
  return {
    signal: interrupt.signal,
    log: (message) => send({ type: "log", line: message }),
    progress: (progress) => send({ type: "progress", progress }),
    checkpointed: (step, keep) => {
      markStep(job.checkpointMark, step, keep);
      send({ type: "checkpoint", step });
    },
    checkpointDirectory: job.checkpointDirectory,
    downloadsDirectory: job.downloadsDirectory,
  };
}

async function checkOutputs(
  stage: AnyStage,
  job: StageJob,
  result: Readonly<Record<string, Written<string>>>,
  written: ReadonlyMap<unknown, string>,
): Promise<Record<string, JsonObject>> {
  const undeclared = Object.keys(result).find((name) => !(name in stage.outputs));
  if (undeclared !== undefined)
    throw new PipelineError({
      code: "OUTPUT_UNDECLARED",
      message: `stage ${stage.name} returned ${undeclared}, which it does not declare`,
      hint: `declare it under outputs of ${stage.name}, or do not return it`,
    });
  const summaries: Record<string, JsonObject> = {};
  for (const [name, directory] of Object.entries(job.outputs)) {
    const proof = result[name];
    if (proof === undefined || written.get(proof) !== name || readdirSync(directory).length === 0)
      throw new PipelineError({
        code: "OUTPUT_MISSING",
        message: `stage ${stage.name} ended without writing its output ${name}`,
        hint: `write into outputs.${name} and return outputs.${name}.written()`,
      });
    await validate(stage.name, name, typeOf(stage.outputs, name), directory);
    summaries[name] = proof.summary;
  }
  return summaries;
}

async function validate(stage: string, name: string, type: AnyArtifact, directory: string): Promise<void> {
  try {
    await type.validate(directory);
  } catch (cause) {
    throw new PipelineError({
      code: "OUTPUT_INVALID",
      message: `output ${name} of stage ${stage} is no whole ${type.kind}: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: `the stage wrote something that its own format refuses; nothing was kept`,
      cause,
    });
  }
}

function failWith(error: unknown): void {
  finish({ type: "failed", error: serializeError(explainFailure(error)) }, 1);
}

function start(): void {
  const [watchdog, runner] = process.argv.slice(2);
  if (watchdog === undefined || runner === undefined || process.send === undefined)
    throw new Error("a stage process is started by the runner");
  const workerData: WatchdogData = { runner: Number(runner) };
  new Worker(watchdog, { workerData }).unref();
  // The channel closes when the runner ends in any way; the watchdog sees to it where this loop is blocked.
  process.on("disconnect", () => process.exit(1));
  process.on("uncaughtException", failWith);
  process.on("unhandledRejection", failWith);
  process.on("message", (message: MessageToStage) => {
    if (message.type === "interrupt") interrupt.abort();
    else runJob(message.job).then((outputs) => finish({ type: "done", outputs }, 0), failWith);
  });
  send({ type: "ready" });
}

start();
