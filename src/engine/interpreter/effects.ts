/** State changes of a call on tfjs tensors: each gives its variables new tensors and frees the old ones. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "../../tensor/graph.ts";
import type { Effect, Variable } from "../../tensor/program.ts";
import { share } from "./kernels.ts";

type Variables = Map<string, tf.Tensor>;

export function applyEffect(
  effect: Effect,
  variables: Variables,
  valueOf: (node: Tensor) => tf.Tensor,
): void {
  switch (effect.kind) {
    case "assign":
      replace(variables, effect.variable, share(valueOf(effect.value)));
      return;
    case "assignAdd":
      replace(variables, effect.variable, tf.add(current(variables, effect.variable), valueOf(effect.value)));
      return;
    case "assignRows": {
      const rows = tf.expandDims(valueOf(effect.rows), 1);
      const old = current(variables, effect.variable);
      replace(variables, effect.variable, tf.tensorScatterUpdate(old, rows, valueOf(effect.value)));
      rows.dispose();
      return;
    }
    case "adamW":
      applyAdamW(effect, variables, valueOf);
      return;
  }
}

type AdamW = Extract<Effect, { kind: "adamW" }>;

/** The formula of `Effect`, in the order of torch.optim.AdamW: scalars in float64, √v divided by √(1 − β₂ᵗ). */
function applyAdamW(effect: AdamW, variables: Variables, valueOf: (node: Tensor) => tf.Tensor): void {
  const { beta1, beta2, epsilon, weightDecay } = effect;
  const learningRate = scalarOf(valueOf(effect.learningRate));
  const step = scalarOf(valueOf(effect.step));
  const stepSize = learningRate / (1 - beta1 ** step);
  const secondCorrection = Math.sqrt(1 - beta2 ** step);
  const gradient = valueOf(effect.gradient);
  const next = tf.tidy(() => {
    const p = current(variables, effect.parameter);
    const m = tf.add(tf.mul(current(variables, effect.firstMoment), beta1), tf.mul(gradient, 1 - beta1));
    const v = tf.add(
      tf.mul(current(variables, effect.secondMoment), beta2),
      tf.mul(tf.mul(gradient, gradient), 1 - beta2),
    );
    const denominator = tf.add(tf.div(tf.sqrt(v), secondCorrection), epsilon);
    const decayed = weightDecay === 0 ? p : tf.mul(p, 1 - learningRate * weightDecay);
    return { p: tf.sub(decayed, tf.mul(tf.div(m, denominator), stepSize)), m, v };
  });
  replace(variables, effect.parameter, next.p);
  replace(variables, effect.firstMoment, next.m);
  replace(variables, effect.secondMoment, next.v);
}

const scalarOf = (x: tf.Tensor): number => Number(x.dataSync()[0]);

function current(variables: Variables, { name }: Variable): tf.Tensor {
  const value = variables.get(name);
  if (value === undefined) throw new Error(`effect on undeclared variable ${name}`);
  return value;
}

function replace(variables: Variables, variable: Variable, value: tf.Tensor): void {
  const old = current(variables, variable);
  variables.set(variable.name, value);
  old.dispose();
}
