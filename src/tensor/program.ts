/**
 * A program: named functions over typed variables. This is all an executor is given.
 */
import { userError } from "../errors.ts";
import { createNode, type Tensor } from "./graph.ts";
import { sameShape, shapeText, type HostDType, type Shape } from "./types.ts";

export interface Variable {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: HostDType;
}

/**
 * State changes of a call, made in order, after everything the function computes from old values. `Value` and `Place` are
 * something else only where a program is data for another process (portable-program.ts).
 */
export type Effect<Value = Tensor, Place = Variable> =
  | { readonly kind: "assign"; readonly variable: Place; readonly value: Value }
  | { readonly kind: "assignAdd"; readonly variable: Place; readonly value: Value }
  /** variable[rows[i]] ← value[i]: rows int32 (N), each inside the variable and at most once; value (N, …). */
  | { readonly kind: "assignRows"; readonly variable: Place; readonly rows: Value; readonly value: Value }
  /**
   * AdamW with decoupled weight decay (Loshchilov & Hutter 2019, arXiv:1711.05101, Algorithm 2), as
   * torch.optim.AdamW computes it:
   * p ← p·(1 − lr·λ); m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; p ← p − lr·(m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε).
   */
  | {
      readonly kind: "adamW";
      readonly parameter: Place;
      readonly firstMoment: Place;
      readonly secondMoment: Place;
      readonly gradient: Value;
      /** Scalar float32. */
      readonly learningRate: Value;
      /** Scalar float32: t, counted from 1. */
      readonly step: Value;
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

export const defineVariable = (name: string, shape: Shape, dtype: HostDType = "float32"): Variable => ({
  name,
  shape,
  dtype,
});

export const readVariable = (variable: Variable): Tensor =>
  createNode({ kind: "variable", name: variable.name }, [], variable.dtype, variable.shape);

export const feed = (name: string, shape: Shape, dtype: HostDType = "float32"): Tensor =>
  createNode({ kind: "feed", name }, [], dtype, shape);

/** The tensors that an effect reads. */
export function effectInputs(effect: Effect): readonly Tensor[] {
  if (effect.kind === "adamW") return [effect.gradient, effect.learningRate, effect.step];
  return effect.kind === "assignRows" ? [effect.rows, effect.value] : [effect.value];
}

/** The same change with other values and variables. */
export function mapEffect<Value, Place, OtherValue, OtherPlace>(
  effect: Effect<Value, Place>,
  value: (given: Value) => OtherValue,
  place: (given: Place) => OtherPlace,
): Effect<OtherValue, OtherPlace> {
  switch (effect.kind) {
    case "assign":
    case "assignAdd":
      return { ...effect, variable: place(effect.variable), value: value(effect.value) };
    case "assignRows": {
      const { variable, rows } = effect;
      return { ...effect, variable: place(variable), rows: value(rows), value: value(effect.value) };
    }
    case "adamW":
      return {
        ...effect,
        parameter: place(effect.parameter),
        firstMoment: place(effect.firstMoment),
        secondMoment: place(effect.secondMoment),
        gradient: value(effect.gradient),
        learningRate: value(effect.learningRate),
        step: value(effect.step),
      };
  }
}

/** Checks that names are unique, that effects fit their variables and variables are declared. Throws `PROGRAM_INVALID`. */
export function defineProgram(program: Program): Program {
  const variables = new Map<string, Variable>();
  for (const variable of program.variables) {
    if (variables.has(variable.name))
      throw userError("PROGRAM_INVALID", `variable ${variable.name} is defined twice`);
    variables.set(variable.name, variable);
  }
  for (const { name, fetches, effects } of program.functions) {
    for (const [key, { dtype }] of Object.entries(fetches))
      if (dtype === "bfloat16")
        throw userError("PROGRAM_INVALID", `${name}: ${key} is bfloat16`, "Cast what is fetched to float32.");
    for (const effect of effects) {
      const fault = undeclared(effect, variables) ?? misfit(effect);
      if (fault !== undefined) throw userError("PROGRAM_INVALID", `${name}: ${fault}`);
    }
  }
  return program;
}

const changedBy = (effect: Effect): readonly Variable[] =>
  effect.kind === "adamW" ? [effect.parameter, effect.firstMoment, effect.secondMoment] : [effect.variable];

function undeclared(effect: Effect, variables: ReadonlyMap<string, Variable>): string | undefined {
  const stranger = changedBy(effect).find((variable) => variables.get(variable.name) !== variable);
  return stranger && `${effect.kind} on undeclared variable ${stranger.name}`;
}

type Typed = Pick<Tensor, "dtype" | "shape">;
const typeText = ({ dtype, shape }: Typed): string => `${dtype}${shapeText(shape)}`;

/** The first thing that an effect takes in another type than it needs. */
function misfit(effect: Effect): string | undefined {
  for (const [what, given, needed] of needs(effect)) {
    if (given.dtype === needed.dtype && sameShape(given.shape, needed.shape)) continue;
    const [variable] = changedBy(effect);
    const target = `${variable?.name ?? ""} ${variable === undefined ? "" : typeText(variable)}`;
    const where = "scope" in given && given.scope !== "" ? ` in ${given.scope}` : "";
    return `${effect.kind} to ${target}: ${what} is ${typeText(given)}${where}, needs ${typeText(needed)}`;
  }
  return undefined;
}

function needs(
  effect: Effect,
): readonly (readonly [what: string, given: Tensor | Variable, needed: Typed])[] {
  const number: Typed = { dtype: "float32", shape: [] };
  switch (effect.kind) {
    case "assign":
    case "assignAdd":
      return [["value", effect.value, effect.variable]];
    case "assignRows": {
      const { variable, rows, value } = effect;
      const [count = 0] = rows.shape;
      return [
        ["rows", rows, { dtype: "int32", shape: [count] }],
        ["value", value, { dtype: variable.dtype, shape: [count, ...variable.shape.slice(1)] }],
      ];
    }
    case "adamW": {
      const parameter: Typed = { dtype: "float32", shape: effect.parameter.shape };
      return [
        ["parameter", effect.parameter, parameter],
        ["firstMoment", effect.firstMoment, parameter],
        ["secondMoment", effect.secondMoment, parameter],
        ["gradient", effect.gradient, parameter],
        ["learningRate", effect.learningRate, number],
        ["step", effect.step, number],
      ];
    }
  }
}
