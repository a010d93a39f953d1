/** A SavedModel loaded into native TensorFlow: its graph and its variables, run by node names. */
import { PipelineError } from "../../errors.ts";
import type { HostTensor, Shape } from "../../tensor/types.ts";
import { reasonOf, type NativeTensorflow } from "./native-tensorflow.ts";
import type { TfOutput } from "./tf-graph.ts";

export interface Feed {
  readonly output: TfOutput;
  readonly value: HostTensor;
}

export class NativeSession {
  readonly #native: NativeTensorflow;
  readonly #session: number;

  /** Throws `ENGINE_FAILED`. */
  constructor(native: NativeTensorflow, folder: string, tag: string) {
    this.#native = native;
    this.#session = attempt("load the compiled program", () => native.binding.loadSavedModel(folder, tag));
  }

  /**
   * Blocks until `outputs` are there. Feeds are lent to TensorFlow without a copy for the time of the call,
   * results are copied out; no native tensor is left behind. Throws `ENGINE_FAILED`.
   */
  run(what: string, feeds: readonly Feed[], outputs: readonly TfOutput[]): HostTensor[] {
    const { binding, dtypes } = this.#native;
    const live: number[] = [];
    try {
      const inputs = feeds.map(({ value }) => {
        const id = binding.createTensor([...value.shape], dtypes[value.dtype], value.data);
        live.push(id);
        return id;
      });
      const names = feeds.map(({ output }) => output).join(",");
      const results = attempt(what, () =>
        binding.runSavedModel(this.#session, inputs, names, outputs.join(",")),
      );
      live.push(...results.map(({ id }) => id));
      return results.map(({ id, shape }) => toHost(shape, binding.tensorDataSync(id)));
    } finally {
      for (const id of live) binding.deleteTensor(id);
    }
  }

  /** Frees graph and variables. */
  close(): void {
    this.#native.binding.deleteSavedModel(this.#session);
  }
}

function toHost(shape: Shape, data: Float32Array | Int32Array | Uint8Array): HostTensor {
  if (data instanceof Float32Array) return { dtype: "float32", shape, data };
  if (data instanceof Int32Array) return { dtype: "int32", shape, data };
  return { dtype: "bool", shape, data };
}

function attempt<Result>(what: string, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    throw new PipelineError({
      code: "ENGINE_FAILED",
      message: `TensorFlow could not ${what}: ${reasonOf(cause)}`,
      cause,
    });
  }
}
