/** What runs one op on tfjs. */
import type * as tf from "@tensorflow/tfjs-core";

/** Makes one new tensor and leaves its inputs alone. They come in the order that graph.ts gives for the op. */
export type Kernel = (inputs: readonly tf.Tensor[]) => tf.Tensor;

export function present(x: tf.Tensor | undefined): tf.Tensor {
  if (x === undefined) throw new Error("a kernel lacks an input");
  return x;
}
