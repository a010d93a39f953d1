/**
 * Reading and writing single variables. A session prepares every set of nodes that it is asked to run anew, from the whole
 * graph, which takes longer than moving a tensor. So many variables are read by one set of nodes and written by another:
 * a number is fed that names the variable, and the branches of the others are dead (Switch and Merge, as in the
 * conditionals of TensorFlow 1).
 */
import type { Variable } from "../../tensor/program.ts";
import type { DType } from "../../tensor/types.ts";
import type { TfGraph, TfOutput } from "./tf-graph.ts";

/** How to reach one variable. */
export interface Transfer {
  readonly variable: Variable;
  /** What `chosen` is fed with. */
  readonly number: number;
  readonly read: { readonly chosen: TfOutput; readonly value: TfOutput };
  readonly write: { readonly chosen: TfOutput; readonly value: TfOutput; readonly done: TfOutput };
}

type Handle = (variable: Variable) => TfOutput;

const I32 = { type: "int32" } as const;

/** Preparing a set takes a time for the whole graph and one that goes with the square of its variables (docs/log.md). */
const VARIABLES_A_SET = 128;

export function lowerTransfers(
  graph: TfGraph,
  handle: Handle,
  variables: readonly Variable[],
): ReadonlyMap<string, Transfer> {
  const transfers = new Map<string, Transfer>();
  for (const dtype of new Set(variables.map((variable) => variable.dtype))) {
    const alike = variables.filter((variable) => variable.dtype === dtype);
    for (let start = 0; start < alike.length; start += VARIABLES_A_SET) {
      const set = alike.slice(start, start + VARIABLES_A_SET);
      const within = `${dtype}/${start}`;
      const read = graph.within(`read/${within}`, () => lowerReads(graph, handle, set, dtype));
      const write = graph.within(`write/${within}`, () => lowerWrites(graph, handle, set, dtype));
      for (const [number, variable] of set.entries())
        transfers.set(variable.name, { variable, number, read, write });
    }
  }
  return transfers;
}

function lowerReads(
  graph: TfGraph,
  handle: Handle,
  variables: readonly Variable[],
  dtype: DType,
): Transfer["read"] {
  const { chosen, branches } = choice(graph, variables.length);
  const values = variables.map((variable, number): TfOutput => {
    const attributes = { dtype: { type: dtype } } as const;
    return `${graph.add("ReadVariableOp", [handle(variable)], { attributes, control: [branches[number] ?? ""] })}:0`;
  });
  return { chosen, value: merge(graph, values, dtype) };
}

function lowerWrites(
  graph: TfGraph,
  handle: Handle,
  variables: readonly Variable[],
  dtype: DType,
): Transfer["write"] {
  const { chosen, branches } = choice(graph, variables.length);
  // Of any shape.
  const value: TfOutput = `${graph.add("Placeholder", [], { attributes: { dtype: { type: dtype } } }, "value")}:0`;
  const written = variables.map((variable, number): TfOutput => {
    const control = [branches[number] ?? ""];
    // A copy: see lower-effects.ts on fed memory.
    const copy = graph.add("DeepCopy", [value], { attributes: { T: { type: dtype } }, control });
    const attributes = { dtype: { type: dtype } } as const;
    const assigned = graph.add("AssignVariableOp", [handle(variable), `${copy}:0`], { attributes });
    return `${graph.add("Identity", [graph.int(1)], { attributes: { T: I32 }, control: [assigned] })}:0`;
  });
  return { chosen, value, done: merge(graph, written, "int32") };
}

/** A feed, and for each number below `count` a node that is alive where that number was fed. */
function choice(
  graph: TfGraph,
  count: number,
): { readonly chosen: TfOutput; readonly branches: readonly string[] } {
  const attributes = { dtype: I32, shape: { shape: [] } } as const;
  const chosen: TfOutput = `${graph.add("Placeholder", [], { attributes }, "chosen")}:0`;
  const branches = Array.from({ length: count }, (_, number) => {
    const condition = graph.pure("Equal", [chosen, graph.int(number)], { T: I32 });
    const branch = graph.add("Switch", [condition, condition], { attributes: { T: { type: "bool" } } });
    return graph.add("Identity", [`${branch}:1`], { attributes: { T: { type: "bool" } } });
  });
  return { chosen, branches };
}

/** The one value that is alive. */
const merge = (graph: TfGraph, values: readonly TfOutput[], dtype: DType): TfOutput =>
  `${graph.add("Merge", values, { attributes: { T: { type: dtype }, N: { int: values.length } } })}:0`;
