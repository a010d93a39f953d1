/** The executor on native TensorFlow: compiles a program into one graph session and calls it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PipelineError, userError } from "../../errors.ts";
import { optimizeProgram } from "../../tensor/optimize.ts";
import type { Program } from "../../tensor/program.ts";
import {
  int32,
  sameShape,
  shapeText,
  sizeOf,
  type DType,
  type HostTensor,
  type Shape,
} from "../../tensor/types.ts";
import type { Engine, Executable } from "../engine.ts";
import { lowerProgram, type CallPlan, type FeedPoint, type LoweredProgram } from "./lower-program.ts";
import type { Transfer } from "./lower-transfers.ts";
import { NativeSession } from "./native-session.ts";
import { loadNativeTensorflow, type NativeTensorflow, type NativeOptions } from "./native-tensorflow.ts";
import { SERVING_TAG, writeSavedModel } from "./saved-model.ts";

/** Loads the native library. Throws `ENGINE_UNAVAILABLE`. */
export function createTensorflowEngine(options: NativeOptions = {}): Engine {
  const native = loadNativeTensorflow(options);
  return {
    identity: { kind: "tensorflow", version: native.version, device: native.device },
    // On a GPU, products are not the threads'.
    threadsPerOperation: native.device === "cpu" ? native.threadsPerOperation : undefined,
    compile: (program) => compile(native, program),
  };
}

async function compile(native: NativeTensorflow, program: Program): Promise<Executable> {
  const lowered = lowerProgram(optimizeProgram(program));
  const folder = await mkdtemp(join(tmpdir(), "minilm-program-"));
  let session: NativeSession;
  try {
    await writeSavedModel(lowered.graph, folder);
    session = new NativeSession(native, folder, SERVING_TAG);
  } finally {
    // The session holds the graph in memory.
    await rm(folder, { recursive: true, force: true });
  }
  const executable = new TensorflowExecutable(lowered, session);
  executable.initialize();
  return executable;
}

class TensorflowExecutable implements Executable {
  readonly #program: LoweredProgram;
  #session: NativeSession | undefined;

  constructor(program: LoweredProgram, session: NativeSession) {
    this.#program = program;
    this.#session = session;
  }

  initialize(): void {
    this.#run("set the variables to zero", this.#program.initialize, {});
  }

  call(
    name: string,
    feeds: Readonly<Record<string, HostTensor>>,
  ): Promise<Readonly<Record<string, HostTensor>>> {
    return settled(() => {
      const plan = this.#program.functions.get(name);
      if (plan === undefined) {
        const names = [...this.#program.functions.keys()].join(", ");
        throw userError("UNKNOWN_FUNCTION", `the program has no function ${name}`, `it has ${names}`);
      }
      return this.#run(`run ${name}`, plan, feeds);
    });
  }

  readVariable(name: string): Promise<HostTensor> {
    return settled(() => {
      const { number, read } = transferOf(this.#program, name);
      const plan: CallPlan = {
        feeds: [{ name: "chosen", dtype: "int32", shape: [], output: read.chosen }],
        fetches: [{ name: "value", output: read.value }],
      };
      const { value } = this.#run(`read ${name}`, plan, { chosen: int32([], Int32Array.of(number)) });
      if (value === undefined) throw new Error(`reading the variable ${name} gave nothing`);
      return value;
    });
  }

  writeVariable(name: string, value: HostTensor): Promise<void> {
    return settled(() => {
      const { number, variable, write } = transferOf(this.#program, name);
      const plan: CallPlan = {
        feeds: [
          { name: "chosen", dtype: "int32", shape: [], output: write.chosen },
          { name: "value", dtype: variable.dtype, shape: variable.shape, output: write.value },
        ],
        fetches: [],
        done: write.done,
      };
      this.#run(`write ${name}`, plan, { chosen: int32([], Int32Array.of(number)), value });
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return settled(() => {
      this.#session?.close();
      this.#session = undefined;
    });
  }

  #run(
    what: string,
    { feeds: points, fetches, done }: CallPlan,
    feeds: Readonly<Record<string, HostTensor>>,
  ): Record<string, HostTensor> {
    if (this.#session === undefined)
      throw new PipelineError({ code: "ENGINE_FAILED", message: `cannot ${what}: the program was disposed` });
    checkFeeds(what, points, feeds);
    const bound = points.flatMap(({ name, output }) => {
      const value = feeds[name];
      return value === undefined || output === undefined ? [] : [{ output, value }];
    });
    const outputs = [...fetches.map(({ output }) => output), ...(done === undefined ? [] : [done])];
    const values = this.#session.run(what, bound, outputs);
    const results: Record<string, HostTensor> = {};
    for (const [index, { name }] of fetches.entries()) {
      const value = values[index];
      if (value !== undefined) results[name] = value;
    }
    return results;
  }
}

/** Native calls block; what they throw becomes a rejection. */
const settled = <Result>(work: () => Result): Promise<Result> =>
  new Promise((resolve) => {
    resolve(work());
  });

function transferOf({ transfers }: LoweredProgram, variable: string): Transfer {
  const transfer = transfers.get(variable);
  if (transfer === undefined) throw userError("UNKNOWN_VARIABLE", `the program has no variable ${variable}`);
  return transfer;
}

/** Throws `FEED_MISMATCH`. */
function checkFeeds(
  what: string,
  points: readonly FeedPoint[],
  feeds: Readonly<Record<string, HostTensor>>,
): void {
  const mismatch = (message: string) => userError("FEED_MISMATCH", `cannot ${what}: ${message}`);
  for (const { name, dtype, shape } of points) {
    const given = feeds[name];
    const expected = `${name} must be ${typeText(dtype, shape)}`;
    if (given === undefined) throw mismatch(`${expected} but was not given`);
    if (given.dtype !== dtype || !sameShape(given.shape, shape))
      throw mismatch(`${expected}, got ${typeText(given.dtype, given.shape)}`);
    if (given.data.length !== sizeOf(shape))
      throw mismatch(`${expected}, got ${given.data.length} elements for it`);
  }
  const names = new Set(points.map(({ name }) => name));
  const unknown = Object.keys(feeds).find((name) => !names.has(name));
  if (unknown !== undefined) throw mismatch(`it takes no ${unknown}, only ${[...names].join(", ")}`);
}

const typeText = (dtype: DType, shape: Shape): string => `${dtype} ${shapeText(shape)}`;
