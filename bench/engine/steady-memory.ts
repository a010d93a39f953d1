/**
 * What the interpreter holds after a few steps of training, and after a thousand: tensors and bytes by `tf.memory()`, and the
 * heap of WebAssembly, which never shrinks. Throws where any of them grew.
 */
import * as tf from "@tensorflow/tfjs-core";
import { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import {
  createInterpreterEngine,
  type InterpreterBackend,
} from "../../src/engine/interpreter/interpreter-engine.ts";
import { defineLlama } from "../../src/model/llama-config.ts";
import { float32, int32, scalar } from "../../src/tensor/types.ts";
import { defineOptimizer } from "../../src/train/optimizer.ts";
import { pretrainingProgram } from "../../src/train/pretraining-program.ts";
import { row, type Benchmark } from "../row.ts";

const model = defineLlama({
  hiddenSize: 16,
  intermediateSize: 24,
  numLayers: 2,
  numHeads: 2,
  numKvHeads: 1,
  vocabSize: 32,
  contextLength: 12,
});
const shape = [2, model.contextLength];

export interface Held {
  readonly numTensors: number;
  readonly numDataBuffers: number;
  readonly numBytes: number;
  /** 0 on the cpu backend. */
  readonly heapBytes: number;
}

export interface MemoryRun extends AsyncDisposable {
  /** Takes so many more steps. */
  steps(count: number): Promise<void>;
  held(): Held;
}

export async function createMemoryRun(
  backend: InterpreterBackend,
  gradientAccumulation: number,
): Promise<MemoryRun> {
  const engine = await createInterpreterEngine(backend);
  const { program } = pretrainingProgram({
    model,
    microBatchSize: 2,
    sequenceLength: model.contextLength,
    gradientAccumulation,
    optimizer: defineOptimizer(),
  });
  const executable = await engine.compile(program);
  const tokens = (step: number) =>
    int32(
      shape,
      Int32Array.from({ length: 2 * model.contextLength }, (_, at) => (at * 7 + step) % model.vocabSize),
    );
  let step = 0;
  return {
    async steps(count) {
      for (const end = step + count; step < end;) {
        step++;
        const rates = { learningRate: scalar(0.001), step: scalar(step) };
        const mask = float32(shape, new Float32Array(2 * model.contextLength).fill(1));
        const batch = { inputs: tokens(step), targets: tokens(step + 1), lossMask: mask };
        if (gradientAccumulation === 1) await executable.call("trainStep", { ...batch, ...rates });
        else {
          for (let part = 0; part < gradientAccumulation; part++) await executable.call("accumulate", batch);
          await executable.call("applyGradients", rates);
        }
      }
    },
    held() {
      const { numTensors, numDataBuffers, numBytes } = tf.memory();
      return { numTensors, numDataBuffers, numBytes, heapBytes: heapBytes() };
    },
    [Symbol.asyncDispose]: () => executable[Symbol.asyncDispose](),
  };
}

function heapBytes(): number {
  const backend = tf.backend();
  // The published types leave the heap out.
  const heap: unknown =
    backend instanceof BackendWasm && "HEAPU8" in backend.wasm ? backend.wasm.HEAPU8 : undefined;
  return heap instanceof Uint8Array ? heap.byteLength : 0;
}

const [few, many] = [10, 1000];

export const steadyMemory: Benchmark = {
  name: "steady-memory",
  description: "bytes that the interpreter holds after 1,000 steps of training, against after 10",
  bar: "not a tensor and not a byte more",
  async run(report) {
    for (const backend of ["wasm", "cpu"] as const) {
      await using run = await createMemoryRun(backend, 2);
      await run.steps(few);
      const before = run.held();
      await run.steps(many - few);
      const after = run.held();
      report(
        row({
          bench: "steady-memory",
          job: `${backend}, 2 micro-batches a step, ${after.numTensors} tensors, heap ${after.heapBytes}`,
          value: after.numBytes,
          unit: "bytes",
          peer: `after ${few} steps: ${before.numTensors} tensors, heap ${before.heapBytes}`,
          peerValue: before.numBytes,
        }),
      );
      for (const what of ["numTensors", "numDataBuffers", "numBytes", "heapBytes"] as const)
        if (after[what] !== before[what])
          throw new Error(`${backend}: ${what} went from ${before[what]} to ${after[what]}`);
    }
  },
};
