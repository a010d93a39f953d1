/**
 * The symbolic graph: immutable tensor nodes with one output each. Nothing here computes; executors in
 * src/engine do. The op set is kept small, everything else (RMSNorm, RoPE, attention) is built from it.
 */
import type { DType, HostTensor, Shape } from "./types.ts";

export type UnaryFunction =
  | "neg"
  | "exp"
  | "log"
  | "sqrt"
  | "rsqrt"
  | "sigmoid"
  /** log(1 + eˣ), computed without overflow. */
  | "softplus";

export type BinaryFunction = "add" | "sub" | "mul" | "div" | "maximum" | "minimum";
export type CompareFunction = "less" | "greaterEqual" | "equal";

/** What a node does. Inputs are in `Tensor.inputs`, in the order each comment gives. */
export type Op =
  | { readonly kind: "constant"; readonly value: HostTensor }
  /** A value given with every call. */
  | { readonly kind: "feed"; readonly name: string }
  /** The value a variable had when the call began (effects of the same call are not seen). */
  | { readonly kind: "variable"; readonly name: string }
  /** (x) float32. */
  | { readonly kind: "unary"; readonly fn: UnaryFunction }
  /** (a, b) same dtype, NumPy broadcasting. */
  | { readonly kind: "binary"; readonly fn: BinaryFunction }
  /** (a, b) → bool, NumPy broadcasting. */
  | { readonly kind: "compare"; readonly fn: CompareFunction }
  /** (condition, a, b): NumPy broadcasting over all three. */
  | { readonly kind: "select" }
  /** (x): between float32, int32 and bool; between float32 and bfloat16, to the nearest, ties to even. */
  | { readonly kind: "cast"; readonly dtype: DType }
  /** (x): sum or maximum over `axes` (sorted, non-negative). */
  | {
      readonly kind: "reduce";
      readonly fn: "sum" | "max";
      readonly axes: readonly number[];
      readonly keepDims: boolean;
    }
  /** (x) → int32 index of the first largest element along the last axis, which is dropped. */
  | { readonly kind: "argMax" }
  | { readonly kind: "reshape"; readonly shape: Shape }
  | { readonly kind: "transpose"; readonly permutation: readonly number[] }
  | { readonly kind: "broadcastTo"; readonly shape: Shape }
  | { readonly kind: "slice"; readonly begin: readonly number[]; readonly size: readonly number[] }
  /** (x): zeros around. */
  | { readonly kind: "pad"; readonly before: readonly number[]; readonly after: readonly number[] }
  /** (x₀, x₁, …) along `axis`. */
  | { readonly kind: "concat"; readonly axis: number }
  /** (a, b): (…, M, K) × (…, K, N) → (…, M, N); equal ranks, batch dimensions and types, float32 or bfloat16; flags transpose the last two axes first. */
  | { readonly kind: "matmul"; readonly transposeA: boolean; readonly transposeB: boolean }
  /** (table (V, …), indices int32 (…)) → indices.shape + table.shape[1:]. */
  | { readonly kind: "gather" }
  /** (indices int32 (N), updates (N, …)) → (rows, …): rows summed where indices repeat. */
  | { readonly kind: "scatterAdd"; readonly rows: number }
  /** (x, …others) → x, but not before the others are computed: what an executor keeps at once depends on order. */
  | { readonly kind: "after" }
  /** (y, x₀, x₁, …) → y, whose computation from the xᵢ is made once more for its gradient (recompute.ts). */
  | { readonly kind: "recomputed" }
  /** (x): along the last axis. */
  | { readonly kind: "softmax" }
  /** (queries, keys, values, cached keys, cached values, slots, length): see cached-attention.ts. */
  | { readonly kind: "cachedAttention" }
  /** (logits (N, V), labels int32 (N) in [0, V)) → −log p[label], (N). */
  | { readonly kind: "sparseCrossEntropy" }
  /** (logits (N, V), labels int32 (N), upstream (N)) → gradient with respect to logits, (N, V). */
  | { readonly kind: "sparseCrossEntropyGradient" };

export type OpKind = Op["kind"];

export interface Tensor {
  /** Unique in the process; creation order is a topological order. */
  readonly id: number;
  readonly op: Op;
  readonly inputs: readonly Tensor[];
  readonly dtype: DType;
  readonly shape: Shape;
  /** Where in the model this node was made, e.g. `layers.3.attention`; for dumps and shape errors. */
  readonly scope: string;
}

let nextId = 0;
let currentScope = "";

/** `scope`: default is where `withScope` stands. */
export function createNode(
  op: Op,
  inputs: readonly Tensor[],
  dtype: DType,
  shape: Shape,
  scope: string = currentScope,
): Tensor {
  return { id: nextId++, op, inputs, dtype, shape, scope };
}

/** Names the part of the model that `build` describes. Nested scopes join with dots. */
export function withScope<Result>(name: string, build: () => Result): Result {
  const outer = currentScope;
  currentScope = outer === "" ? name : `${outer}.${name}`;
  try {
    return build();
  } finally {
    currentScope = outer;
  }
}

export const scopeName = (): string => currentScope;

/**
 * Everything that `roots` are computed from, themselves included, in creation (hence topological) order. Of `leaves` it is
 * not asked what they are computed from.
 */
export function ancestors(roots: readonly Tensor[], leaves: readonly Tensor[] = []): Tensor[] {
  const ends = new Set(leaves);
  const seen = new Map<number, Tensor>();
  const pending = [...roots];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node.id)) continue;
    seen.set(node.id, node);
    if (!ends.has(node)) pending.push(...node.inputs);
  }
  return [...seen.values()].sort((a, b) => a.id - b.id);
}
