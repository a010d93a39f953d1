/**
 * Constant folding and common-subexpression elimination: what is made from small constants is computed here, and of nodes
 * that compute the same from the same inputs the first one stays. What nothing reads is dropped with the others. Values do
 * not change, and the order of the rest does not: it decides what is held at once.
 *
 * What is computed again on purpose (recompute.ts) stays apart by itself: its inputs come out of `after` nodes, which are
 * never taken for the value that they hand on.
 */
import { createNode, type Op, type Tensor } from "./graph.ts";
import { nodesOf } from "./cost.ts";
import { foldConstant } from "./fold-constants.ts";
import { mapEffect, type Program, type ProgramFunction } from "./program.ts";
import type { HostTensor } from "./types.ts";

export const optimizeProgram = ({ variables, functions }: Program): Program => ({
  variables,
  functions: functions.map(optimizeFunction),
});

export function optimizeFunction(fn: ProgramFunction): ProgramFunction {
  const nodes = nodesOf(fn);
  const kept = new Map<string, Tensor>();
  const replaced = new Map<Tensor, Tensor>();
  const keyOf = keys();
  const replace = (node: Tensor): Tensor => replaced.get(node) ?? node;
  /** The node that stands for all that compute what `key` says. */
  const keep = (key: string, make: () => Tensor): Tensor => {
    const next = kept.get(key) ?? make();
    kept.set(key, next);
    return next;
  };
  let folded = 0;
  for (const node of nodes) {
    const inputs = node.inputs.map(replace);
    const next = keep(keyOf(node, inputs), () => {
      const constant = foldConstant(node, inputs);
      if (constant === undefined) return again(node, inputs);
      folded++;
      return keep(keyOf(constant, []), () => constant);
    });
    replaced.set(node, next);
  }
  if (folded === 0 && kept.size === nodes.length) return fn;
  return {
    ...fn,
    fetches: Object.fromEntries(Object.entries(fn.fetches).map(([name, node]) => [name, replace(node)])),
    effects: fn.effects.map((effect) => mapEffect(effect, replace, (variable) => variable)),
  };
}

/** A node anew, even where its inputs are the old ones: creation order is the order in which nodes are run. */
const again = (node: Tensor, inputs: readonly Tensor[]): Tensor =>
  inputs.length === 0 ? node : createNode(node.op, inputs, node.dtype, node.shape, node.scope);

/** Above this size two constants are only one if they are the same object. */
const comparedConstantBytes = 4096;

/** Equal for nodes that compute the same. */
function keys(): (node: Tensor, inputs: readonly Tensor[]) => string {
  const large = new Map<HostTensor, number>();
  const constantKey = (value: HostTensor): string => {
    if (value.data.byteLength > comparedConstantBytes) {
      const number = large.get(value) ?? large.size;
      large.set(value, number);
      return `large ${number}`;
    }
    const { buffer, byteOffset, byteLength } = value.data;
    return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
  };
  const operation = (op: Op, id: number): string => {
    // Two feeds are two values, whatever their names.
    if (op.kind === "feed") return `feed ${id}`;
    if (op.kind === "constant") return `constant ${constantKey(op.value)}`;
    return JSON.stringify(op);
  };
  return ({ id, op, dtype, shape }, inputs) =>
    [operation(op, id), dtype, shape.join(), ...inputs.map((input) => input.id)].join(" ");
}
