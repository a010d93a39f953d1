/**
 * A program as one TensorFlow graph. Each function is a set of nodes to feed and to fetch; nothing is in
 * the graph that its fetches and effects do not need. Variables are resources shared by all functions.
 */
import type { Tensor } from "../../tensor/graph.ts";
import { effectInputs, type Program, type ProgramFunction, type Variable } from "../../tensor/program.ts";
import type { DType, Shape } from "../../tensor/types.ts";
import { userError } from "../../errors.ts";
import { lowerCachedAttention } from "./lower-cached-attention.ts";
import { lowerEffect } from "./lower-effects.ts";
import { lowerOp } from "./lower-ops.ts";
import { lowerTransfers, type Transfer } from "./lower-transfers.ts";
import { TfGraph, type TfOutput } from "./tf-graph.ts";

export interface FeedPoint {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** The node to feed; undefined where nothing in the function depends on this feed. */
  readonly output: TfOutput | undefined;
}

/** How to run one function. */
export interface CallPlan {
  readonly feeds: readonly FeedPoint[];
  readonly fetches: readonly { readonly name: string; readonly output: TfOutput }[];
  /** Fetched beside the fetches (a function may have none): there once all effects have happened. */
  readonly done?: TfOutput;
}

export interface LoweredProgram {
  readonly graph: TfGraph;
  readonly functions: ReadonlyMap<string, CallPlan>;
  /** Sets every variable to zeros. */
  readonly initialize: CallPlan;
  /** By variable. */
  readonly transfers: ReadonlyMap<string, Transfer>;
}

export function lowerProgram(program: Program): LoweredProgram {
  const graph = new TfGraph();
  const handles = new Map(
    program.variables.map((variable) => [variable.name, variableHandle(graph, variable)]),
  );
  const handle = ({ name }: { readonly name: string }): TfOutput => {
    const found = handles.get(name);
    if (found === undefined) throw userError("PROGRAM_INVALID", `variable ${name} is read but not declared`);
    return found;
  };
  return {
    graph,
    functions: new Map(program.functions.map((fn) => [fn.name, lowerFunction(graph, handle, fn)])),
    initialize: graph.within("initialize", () => lowerInitialize(graph, handle, program.variables)),
    transfers: lowerTransfers(graph, handle, program.variables),
  };
}

function variableHandle(graph: TfGraph, { name, dtype, shape }: Variable): TfOutput {
  const attributes = {
    dtype: { type: dtype },
    shape: { shape },
    shared_name: { string: name },
    container: { string: "" },
  } as const;
  return `${graph.add("VarHandleOp", [], { attributes }, `variables/${name}`)}:0`;
}

function lowerFunction(
  graph: TfGraph,
  handle: (variable: { readonly name: string }) => TfOutput,
  fn: ProgramFunction,
): CallPlan {
  return graph.within(`function/${fn.name}`, () => {
    const declared = new Set(fn.feeds);
    const outputs = new Map<Tensor, TfOutput>();
    /** Nodes that read a variable, by its name: changes wait for them. */
    const readers = new Map<string, string[]>();
    const isRead = (name: string, node: string) => readers.set(name, [...(readers.get(name) ?? []), node]);

    const lowerOne = (tensor: Tensor): TfOutput => {
      const { op, dtype, shape, inputs } = tensor;
      if (op.kind === "feed") {
        if (!declared.has(tensor))
          throw userError("PROGRAM_INVALID", `${fn.name} uses the feed ${op.name} but does not declare it`);
        const attributes = { dtype: { type: dtype }, shape: { shape } } as const;
        return `${graph.add("Placeholder", [], { attributes }, `feed/${op.name}`)}:0`;
      }
      if (op.kind === "variable") {
        const attributes = { dtype: { type: dtype } } as const;
        const read = graph.add("ReadVariableOp", [handle(op)], { attributes }, op.name);
        isRead(op.name, read);
        return `${read}:0`;
      }
      if (op.kind === "cachedAttention") {
        const { output, reads } = lowerCachedAttention({ graph, handle, outputOf }, tensor);
        for (const { name, node } of reads) isRead(name, node);
        return output;
      }
      return lowerOp(graph, tensor, op, inputs.map(outputOf));
    };
    const outputOf = (tensor: Tensor): TfOutput => {
      // A variable is read as a whole only where something needs all of it.
      const output = outputs.get(tensor) ?? (tensor.op.kind === "variable" ? lowerOne(tensor) : undefined);
      if (output === undefined) throw new Error(`${fn.name}: node ${tensor.id} is used before it is made`);
      outputs.set(tensor, output);
      return output;
    };
    const lower = (root: Tensor): TfOutput => {
      for (const tensor of inCreationOrder(root, outputs))
        if (tensor.op.kind !== "variable") outputs.set(tensor, lowerOne(tensor));
      return outputOf(root);
    };

    const results = Object.entries(fn.fetches).map(([name, tensor]) => ({
      name,
      tensor,
      value: lower(tensor),
    }));
    // All values before all changes: only then is every read known that a change must wait for.
    for (const effect of fn.effects) for (const tensor of effectInputs(effect)) lower(tensor);
    const waitFor = new Map<string, readonly string[]>(readers);
    const changes = new Set<string>();
    for (const effect of fn.effects) {
      lowerEffect({ graph, lower, handle, waitFor }, effect);
      const changed = effect.kind === "adamW" ? effect.parameter : effect.variable;
      for (const node of waitFor.get(changed.name) ?? []) changes.add(node);
    }

    const fetches = results.map(({ name, tensor, value }) => {
      const attributes = { T: { type: tensor.dtype } } as const;
      return {
        name,
        output: `${graph.add("Identity", [value], { attributes }, `fetch/${name}`)}:0` as const,
      };
    });
    const feeds = fn.feeds.map((tensor) => {
      const name = tensor.op.kind === "feed" ? tensor.op.name : "";
      return { name, dtype: tensor.dtype, shape: tensor.shape, output: outputs.get(tensor) };
    });
    return { feeds, fetches, done: lowerDone(graph, [...changes]) };
  });
}

/** What `root` needs and `known` lacks, inputs first. Without recursion: graphs are thousands of nodes deep. */
function inCreationOrder(root: Tensor, known: ReadonlyMap<Tensor, TfOutput>): Tensor[] {
  const found = new Set<Tensor>();
  const stack = [root];
  for (let tensor = stack.pop(); tensor !== undefined; tensor = stack.pop()) {
    if (found.has(tensor) || known.has(tensor)) continue;
    found.add(tensor);
    stack.push(...tensor.inputs);
  }
  return [...found].sort((a, b) => a.id - b.id);
}

/** A constant that is there when `nodes` have run. */
function lowerDone(graph: TfGraph, nodes: readonly string[]): TfOutput {
  const T = { type: "int32" } as const;
  return `${graph.add("Identity", [graph.int(1)], { attributes: { T }, control: nodes }, "done")}:0`;
}

type Handle = (variable: Variable) => TfOutput;

function lowerInitialize(graph: TfGraph, handle: Handle, variables: readonly Variable[]): CallPlan {
  const assigned = variables.map((variable) => {
    const T = { type: variable.dtype } as const;
    const zero = graph.constant(
      variable.dtype === "float32"
        ? { dtype: "float32", shape: [], data: new Float32Array(1) }
        : variable.dtype === "int32"
          ? { dtype: "int32", shape: [], data: new Int32Array(1) }
          : { dtype: "bool", shape: [], data: new Uint8Array(1) },
    );
    const zeros = graph.pure("Fill", [graph.ints(variable.shape), zero], {
      T,
      index_type: { type: "int32" },
    });
    return assign(graph, handle(variable), variable, zeros);
  });
  return { feeds: [], fetches: [], done: lowerDone(graph, assigned) };
}

/** Assigns a copy of `value`: see lower-effects.ts on fed memory; and equal zeros must not be one buffer. */
function assign(graph: TfGraph, handle: TfOutput, { name, dtype }: Variable, value: TfOutput): string {
  const copy = graph.add("DeepCopy", [value], { attributes: { T: { type: dtype } } });
  return graph.add(
    "AssignVariableOp",
    [handle, `${copy}:0`],
    { attributes: { dtype: { type: dtype } } },
    name,
  );
}
