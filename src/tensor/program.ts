/**
 * A program: named functions over typed variables. This is all an executor is given.
 */
import { userError } from "../errors.ts";
import { createNode, type Tensor } from "./graph.ts";
import { sameShape, shapeText, type DType, type Shape } from "./types.ts";

export interface Variable {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** State changes of a call, made in order, after everything the function computes from old values. */
export type Effect =
  | { readonly kind: "assign"; readonly variable: Variable; readonly value: Tensor }
  | { readonly kind: "assignAdd"; readonly variable: Variable; readonly value: Tensor }
  /** variable[rows[i]] ← value[i]: rows int32 (N), each inside the variable and at most once; value (N, …). */
  | {
      readonly kind: "assignRows";
      readonly variable: Variable;
      readonly rows: Tensor;
      readonly value: Tensor;
    }
  /**
   * AdamW with decoupled weight decay (Loshchilov & Hutter 2019, arXiv:1711.05101, Algorithm 2), as
   * torch.optim.AdamW computes it:
   * p ← p·(1 − lr·λ); m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; p ← p − lr·(m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε).
   */
  | {
      readonly kind: "adamW";
      readonly parameter: Variable;
      readonly firstMoment: Variable;
      readonly secondMoment: Variable;
      readonly gradient: Tensor;
      /** Scalar float32. */
      readonly learningRate: Tensor;
      /** Scalar float32: t, counted from 1. */
      readonly step: Tensor;
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
      /** λ; 0 for tensors that are not decayed. */
      readonly weightDecay: number;
    };

export interface ProgramFunction {
  readonly name: string;
  /** Every feed node that the function may use; a call gives each a value. */
  readonly feeds: readonly Tensor[];
  readonly fetches: Readonly<Record<string, Tensor>>;
  readonly effects: readonly Effect[];
}

export interface Program {
  readonly variables: readonly Variable[];
  readonly functions: readonly ProgramFunction[];
}

export const defineVariable = (name: string, shape: Shape, dtype: DType = "float32"): Variable => ({
  name,
  shape,
  dtype,
});

export const readVariable = (variable: Variable): Tensor =>
  createNode({ kind: "variable", name: variable.name }, [], variable.dtype, variable.shape);

export const feed = (name: string, shape: Shape, dtype: DType = "float32"): Tensor =>
  createNode({ kind: "feed", name }, [], dtype, shape);

/** The tensors that an effect reads. */
export function effectInputs(effect: Effect): readonly Tensor[] {
  if (effect.kind === "adamW") return [effect.gradient, effect.learningRate, effect.step];
  return effect.kind === "assignRows" ? [effect.rows, effect.value] : [effect.value];
}

/** Checks that names are unique and that effects fit their variables. Throws `PROGRAM_INVALID`. */
export function defineProgram(program: Program): Program {
  const fail = (message: string) => userError("PROGRAM_INVALID", message);
  const variables = new Map<string, Variable>();
  for (const variable of program.variables) {
    if (variables.has(variable.name)) throw fail(`variable ${variable.name} is defined twice`);
    variables.set(variable.name, variable);
  }
  for (const fn of program.functions) {
    for (const effect of fn.effects) {
      const [variable, value] =
        effect.kind === "adamW" ? [effect.parameter, effect.gradient] : [effect.variable, effect.value];
      if (variables.get(variable.name) !== variable)
        throw fail(`${fn.name}: effect on undeclared variable ${variable.name}`);
      const shape =
        effect.kind === "assignRows" ? [...effect.rows.shape, ...variable.shape.slice(1)] : variable.shape;
      if (!sameShape(shape, value.shape) || variable.dtype !== value.dtype)
        throw fail(
          `${fn.name}: ${effect.kind} to ${variable.name} ${shapeText(variable.shape)} got ${shapeText(value.shape)}`,
        );
    }
  }
  return program;
}
