/**
 * State changes of a call on tfjs tensors. Rows are written in place, so that a step of decoding does not copy the cache;
 * the others give their variables new tensors and free the old ones.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "../../tensor/graph.ts";
import type { Effect, Variable } from "../../tensor/program.ts";
import { share } from "./kernels.ts";

type Variables = Map<string, tf.Tensor>;

/** The elements of a tensor in place: writing to them changes it. Stale after the next allocation. */
export type Elements = (x: tf.Tensor) => Float32Array | Int32Array | Uint8Array;

export function applyEffect(
  effect: Effect,
  variables: Variables,
  valueOf: (node: Tensor) => tf.Tensor,
  elements: Elements,
): void {
  switch (effect.kind) {
    case "assign":
      replace(variables, effect.variable, share(valueOf(effect.value)));
      return;
    case "assignAdd":
      replace(variables, effect.variable, tf.add(current(variables, effect.variable), valueOf(effect.value)));
      return;
    case "assignRows":
      ownMemory(variables, effect.variable, elements);
      writeRows(
        elements(current(variables, effect.variable)),
        elements(valueOf(effect.rows)),
        elements(valueOf(effect.value)),
      );
      return;
    case "adamW":
      applyAdamW(effect, variables, valueOf);
      return;
  }
}

/** Where something else stands on the variable's memory (another variable, a value of this call), it gets its own. */
function ownMemory(variables: Variables, variable: Variable, elements: Elements): void {
  const old = current(variables, variable);
  if (tf.backend().refCount(old.dataId) === 1) return;
  replace(variables, variable, tf.tensor(elements(old).slice(), old.shape, old.dtype));
}

function writeRows(
  table: ReturnType<Elements>,
  rows: ReturnType<Elements>,
  value: ReturnType<Elements>,
): void {
  const width = rows.length === 0 ? 0 : value.length / rows.length;
  for (const [index, row] of rows.entries()) {
    const start = row * width;
    if (row < 0 || start + width > table.length) throw new RangeError(`assignRows: there is no row ${row}`);
    table.set(value.subarray(index * width, (index + 1) * width), start);
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
