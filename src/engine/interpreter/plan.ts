/**
 * A function made ready to interpret: its nodes in order, each with its kernel, and after each the tensors that
 * nothing reads any more. Worked out once, when the program is compiled.
 */
import type * as tf from "@tensorflow/tfjs-core";
import { ancestors, type Tensor } from "../../tensor/graph.ts";
import { effectInputs, type ProgramFunction } from "../../tensor/program.ts";
import type { HostTensor } from "../../tensor/types.ts";
import type { Kernel } from "./kernel.ts";
import type { ComputedOp } from "./kernels.ts";

/** Where a value comes from before the first step. */
export interface Source {
  readonly id: number;
  readonly name: string;
}

export interface Step {
  readonly node: Tensor;
  readonly kernel: Kernel;
  /** Ids of the values, constants apart, whose last reader is this step. */
  readonly lastReads: readonly number[];
}

export interface Plan {
  readonly fn: ProgramFunction;
  readonly constants: readonly { readonly id: number; readonly value: HostTensor }[];
  readonly feeds: readonly Source[];
  readonly variables: readonly Source[];
  readonly steps: readonly Step[];
}

export type Values = Map<number, tf.Tensor>;

export function planFunction(fn: ProgramFunction, kernelOf: (op: ComputedOp, node: Tensor) => Kernel): Plan {
  const results = [...Object.values(fn.fetches), ...fn.effects.flatMap(effectInputs)];
  const nodes = ancestors(results);
  const owned = new Set(nodes.filter(({ op }) => op.kind !== "constant").map(({ id }) => id));
  // Results are read once more after the last step, so they never die inside.
  for (const { id } of results) owned.delete(id);

  const constants: { id: number; value: HostTensor }[] = [];
  const feeds: Source[] = [];
  const variables: Source[] = [];
  const steps: Step[] = [];
  // Backwards, the first reader that is met is the last one to read.
  for (const node of nodes.reverse()) {
    const { op, id } = node;
    if (op.kind === "constant") constants.push({ id, value: op.value });
    else if (op.kind === "feed") feeds.push({ id, name: op.name });
    else if (op.kind === "variable") variables.push({ id, name: op.name });
    else {
      const lastReads = [...new Set(node.inputs.map((input) => input.id))].filter((input) =>
        owned.delete(input),
      );
      steps.push({ node, kernel: kernelOf(op, node), lastReads });
    }
  }
  return { fn, constants, feeds, variables, steps: steps.reverse() };
}
