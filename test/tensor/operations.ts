/** Every op by the name that dumps give it, functions of one kind apart. Adding an op makes records over it fail to compile. */
import type { BinaryFunction, CompareFunction, Op, UnaryFunction } from "../../src/tensor/graph.ts";

type Reduction = Extract<Op, { readonly kind: "reduce" }>["fn"];

export type Operation =
  | Exclude<Op["kind"], "unary" | "binary" | "compare" | "reduce">
  | UnaryFunction
  | BinaryFunction
  | CompareFunction
  | `reduce.${Reduction}`;
