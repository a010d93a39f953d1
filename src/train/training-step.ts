/**
 * One optimizer step on an engine: the gradients of its micro-batches, then the update. On several devices each computes
 * those of its share, and all make the same update (ADR 0025).
 */
import { callInTurn, type CallEach } from "../engine/call-each.ts";
import type { Engine, Executable, Feeds, Fetches } from "../engine/engine.ts";
import { userError } from "../errors.ts";
import type { TrainingProgram } from "./training-program.ts";

/** `next`: feeds of the next micro-batch. `rates`: learningRate and step. Answers loss, gradientNorm and further metrics. */
export type TakeStep = (next: () => Promise<Feeds>, rates: Feeds) => Promise<Fetches>;

export interface CompiledTraining extends CallEach {
  readonly executable: Executable;
  readonly takeStep: TakeStep;
}

/** Throws `TRAINING_INVALID` where a device would have nothing to do, and what compiling throws. */
export async function compileTraining(engine: Engine, training: TrainingProgram): Promise<CompiledTraining> {
  const { program, accumulators } = training;
  const { gradientAccumulation } = training.options;
  if (engine.devices !== undefined) {
    const { count } = engine.devices;
    if (gradientAccumulation < count)
      throw userError(
        "TRAINING_INVALID",
        `${count} devices have only ${gradientAccumulation} micro-batches to share in a step`,
        `Set gradientAccumulation to ${count} or more, with a smaller microBatchSize for the same step.`,
      );
    const executable = await engine.devices.compile(
      program,
      accumulators.map(({ name }) => name),
    );
    const takeStep: TakeStep = async (next, rates) => {
      const shares: Feeds[][] = [];
      for (const size of shareSizes(gradientAccumulation, count)) shares.push(await take(size, next));
      await executable.callShares("accumulate", shares);
      return executable.call("applyGradients", rates);
    };
    return {
      ...{ executable, takeStep, devices: count },
      callEach: (name, feeds) => executable.callEach(name, feeds),
    };
  }
  const executable = await engine.compile(program);
  const alone = { executable, ...callInTurn(executable) };
  if (gradientAccumulation === 1)
    return {
      ...alone,
      takeStep: async (next, rates) => executable.call("trainStep", { ...(await next()), ...rates }),
    };
  const takeStep: TakeStep = async (next, rates) => {
    for (let part = 0; part < gradientAccumulation; part++) await executable.call("accumulate", await next());
    return executable.call("applyGradients", rates);
  };
  return { ...alone, takeStep };
}

/** Micro-batches of each device: runs of them in their order, as even as can be, the longer ones first. */
export const shareSizes = (microBatches: number, devices: number): number[] =>
  Array.from({ length: devices }, (_, device) => Math.ceil((microBatches - device) / devices));

async function take(count: number, next: () => Promise<Feeds>): Promise<Feeds[]> {
  const taken: Feeds[] = [];
  for (let index = 0; index < count; index++) taken.push(await next());
  return taken;
}
