/**
 * State changes as nodes on resource variables. Each waits for every read of its variable in this call and
 * for the change before it, so that values are old ones and changes happen in order.
 */
import type { Effect, Variable } from "../../tensor/program.ts";
import type { Tensor } from "../../tensor/graph.ts";
import type { TfAttribute, TfGraph, TfOutput } from "./tf-graph.ts";

type AdamW = Extract<Effect, { readonly kind: "adamW" }>;

/** What the effects of one function are lowered with. */
export interface EffectContext {
  readonly graph: TfGraph;
  readonly lower: (tensor: Tensor) => TfOutput;
  readonly handle: (variable: Variable) => TfOutput;
  /** Nodes that the next change of this variable must wait for: its reads, or the change before. */
  readonly waitFor: Map<string, readonly string[]>;
}

export function lowerEffect(context: EffectContext, effect: Effect): void {
  switch (effect.kind) {
    case "assign": {
      // A copy, because a fed tensor is memory of JavaScript's: a variable must not keep it.
      const value = context.lower(effect.value);
      const T = { type: effect.variable.dtype } as const;
      const copy = context.graph.add("DeepCopy", [value], { attributes: { T } });
      change(context, "AssignVariableOp", [effect.variable], [`${copy}:0`]);
      return;
    }
    case "assignAdd":
      change(context, "AssignAddVariableOp", [effect.variable], [context.lower(effect.value)]);
      return;
    case "assignRows": {
      const { variable, rows, value } = effect;
      const inputs = [context.lower(rows), context.lower(value)];
      change(context, "ResourceScatterUpdate", [variable], inputs, {
        dtype: { type: variable.dtype },
        Tindices: { type: "int32" },
      });
      return;
    }
    case "adamW":
      lowerAdamW(context, effect);
  }
}

/** A node `op` on the handles of `variables` and then `inputs`, in its place in the order of changes. */
function change(
  { graph, handle, waitFor }: EffectContext,
  op: string,
  variables: readonly Variable[],
  inputs: readonly TfOutput[],
  attributes?: Readonly<Record<string, TfAttribute>>,
): void {
  const control = variables.flatMap(({ name }) => waitFor.get(name) ?? []);
  const dtype = { type: variables[0]?.dtype ?? "float32" } as const;
  const name = `${op}/${variables[0]?.name ?? ""}`;
  const node = graph.add(
    op,
    [...variables.map(handle), ...inputs],
    { attributes: attributes ?? { dtype }, control },
    name,
  );
  for (const variable of variables) waitFor.set(variable.name, [node]);
}

/**
 * ResourceApplyAdam computes p ← p − α·m/(√v + ε̂) with α = lr·√(1−β̂₂)/(1−β̂₁). torch's update is the same
 * with α = lr·√(1−β₂ᵗ)/(1−β₁ᵗ) and ε̂ = ε·√(1−β₂ᵗ). Both are computed here in double precision and the
 * op's own corrections β̂₁, β̂₂ are set to zero: in float32, 1 − 0.999ᵗ has lost five of its seven digits.
 */
function lowerAdamW(context: EffectContext, effect: AdamW): void {
  const { graph, lower } = context;
  const { parameter, firstMoment, secondMoment, beta1, beta2, epsilon, weightDecay } = effect;
  const learningRate = lower(effect.learningRate);
  if (weightDecay !== 0) decay(context, parameter, learningRate, weightDecay);

  const F32 = { type: "float32" } as const;
  const F64 = { type: "float64" } as const;
  const toDouble = (x: TfOutput) => graph.pure("Cast", [x], { SrcT: F32, DstT: F64 });
  const toFloat = (x: TfOutput) => graph.pure("Cast", [x], { SrcT: F64, DstT: F32 });
  const double = (op: string, ...inputs: readonly TfOutput[]) => graph.pure(op, inputs, { T: F64 });
  const step = toDouble(lower(effect.step));
  // β as the kernel has it, rounded to float32: the moments' sums and their corrections must agree.
  const correction = (beta: number) =>
    double("Sub", graph.double(1), double("Pow", graph.double(Math.fround(beta)), step));
  const root = double("Sqrt", correction(beta2));
  const rate = double("RealDiv", double("Mul", toDouble(learningRate), root), correction(beta1));
  const scaledEpsilon = double("Mul", graph.double(epsilon), root);

  change(
    context,
    "ResourceApplyAdam",
    [parameter, firstMoment, secondMoment],
    [
      ...[graph.float(0), graph.float(0), toFloat(rate), graph.float(beta1), graph.float(beta2)],
      ...[toFloat(scaledEpsilon), lower(effect.gradient)],
    ],
    { T: F32, use_locking: { bool: false }, use_nesterov: { bool: false } },
  );
}

/** p ← p·(1 − lr·λ) */
function decay(
  context: EffectContext,
  parameter: Variable,
  learningRate: TfOutput,
  weightDecay: number,
): void {
  const { graph, handle, waitFor } = context;
  const T = { type: "float32" } as const;
  const factor = graph.pure(
    "Sub",
    [graph.float(1), graph.pure("Mul", [learningRate, graph.float(weightDecay)], { T })],
    { T },
  );
  const read = graph.add("ReadVariableOp", [handle(parameter)], {
    attributes: { dtype: T },
    control: waitFor.get(parameter.name) ?? [],
  });
  const shrunk = graph.pure("Mul", [`${read}:0`, factor], { T });
  waitFor.set(parameter.name, [...(waitFor.get(parameter.name) ?? []), read]);
  change(context, "AssignVariableOp", [parameter], [shrunk]);
}
