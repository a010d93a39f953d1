/**
 * The process that runs one stage: takes a job from its channel, opens inputs, calls the stage, validates what it
 * wrote, reports, ends. It decides nothing about caching and never touches the store.
 */
import { readdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { PipelineError, serializeError } from "../errors.ts";
import type { AnyArtifact, OutputSlot, Written } from "../pipeline/artifact.ts";
import type { AnyStage, StageContext } from "../pipeline/stage.ts";
import type { JsonObject } from "../std/json.ts";
import { SliceMark } from "./checkpoints.ts";
import { explainFailure } from "./failure.ts";
import { fileChannel } from "./file-channel.ts";
import { ipcChannel } from "./ipc-channel.ts";
import type { StageAnswer, StageChannel } from "./stage-channel.ts";
import type { StageJob } from "./stage-protocol.ts";
import { watchReads, type ReadWatch } from "./watch-reads.ts";

const interrupt = new AbortController();
const channel = openChannel(process.argv.slice(2));
let reads: ReadWatch | undefined;

/** `ipc WATCHDOG PID` for a child of the runner, `files DIRECTORY` for a job of a cluster. */
function openChannel([kind, place, runner]: readonly string[]): StageChannel {
  if (kind === "ipc" && place !== undefined) return ipcChannel(place, Number(runner));
  if (kind === "files" && place !== undefined) return fileChannel(place);
  throw new Error("a stage process is started by the runner");
}

/** However it ended: what it read besides is told first. */
function finish(answer: StageAnswer): void {
  const undeclared = reads?.undeclared();
  if (undeclared !== undefined) channel.send({ type: "undeclared-reads", ...undeclared });
  channel.finish(answer);
}

async function runJob(job: StageJob): Promise<Record<string, JsonObject>> {
  reads = watchReads({ projectRoot: process.cwd(), declared: declaredPaths(job) });
  const exports = (await import(pathToFileURL(job.module).href)) as Readonly<Record<string, AnyStage>>;
  const stage = exports[job.exportName];
  if (stage === undefined) throw new Error(`${job.module} exports no ${job.exportName}`);
  reads.declare((stage.files?.(job.params) ?? []).map((path) => resolve(path)));

  const inputs: Record<string, unknown> = {};
  for (const [name, directory] of Object.entries(job.inputs))
    inputs[name] = await typeOf(stage.inputs, name).open(directory);

  const written = new Map<unknown, string>();
  const outputs: Record<string, OutputSlot<string, unknown>> = {};
  for (const [name, directory] of Object.entries(job.outputs)) {
    await mkdir(directory, { recursive: true });
    outputs[name] = makeSlot(typeOf(stage.outputs, name), directory, (proof) => written.set(proof, name));
  }
  const mark = new SliceMark(job.checkpointMark);
  const result = await stage.run({ inputs, outputs, params: job.params, context: makeContext(job, mark) });
  const summaries = await checkOutputs(stage, job, result, written);
  mark.finished();
  return summaries;
}

/** The mark lies beside the checkpoints, the compiled stages in a folder of the compiled directory. */
function declaredPaths(job: StageJob): string[] {
  const { inputs, outputs, module, checkpointMark, downloadsDirectory } = job;
  const own = [dirname(dirname(module)), dirname(checkpointMark), downloadsDirectory];
  return [...Object.values(inputs), ...Object.values(outputs), ...own];
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

function makeContext(job: StageJob, mark: SliceMark): StageContext {
  let totalSteps: number | undefined;
  return {
    signal: interrupt.signal,
    log: (message) => channel.send({ type: "log", line: message }),
    progress: (progress) => {
      // A total in other units says nothing of a checkpoint's step.
      if (progress.unit === "steps") totalSteps = progress.total;
      channel.send({ type: "progress", progress });
    },
    checkpointed: (step, keep) => {
      mark.checkpointed(step, totalSteps, keep);
      channel.send({ type: "checkpoint", step });
    },
    remark: (text) => mark.remark(text),
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
  finish({ type: "failed", error: serializeError(explainFailure(error)) });
}

process.on("uncaughtException", failWith);
process.on("unhandledRejection", failWith);
channel.listen({
  onJob: (job) => {
    runJob(job).then((outputs) => finish({ type: "done", outputs }), failWith);
  },
  onInterrupt: () => interrupt.abort(),
});
