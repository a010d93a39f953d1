/**
 * A program with its variables on a tfjs backend. A call runs the plan's steps in order, frees each tensor after
 * its last reader, then applies the effects, so that every read sees the values of before the call.
 */
import * as tf from "@tensorflow/tfjs-core";
import { userError } from "../../errors.ts";
import type { Program, Variable } from "../../tensor/program.ts";
import {
  hostTensor,
  sameShape,
  shapeText,
  type DType,
  type HostTensor,
  type Shape,
} from "../../tensor/types.ts";
import type { Executable } from "../engine.ts";
import { applyEffect, type Elements } from "./effects.ts";
import { share, upload } from "./kernels.ts";
import type { Plan, Values } from "./plan.ts";

type Feeds = Readonly<Record<string, HostTensor>>;

export class InterpreterExecutable implements Executable {
  readonly #backend: string;
  readonly #declared: ReadonlyMap<string, Variable>;
  readonly #plans: ReadonlyMap<string, Plan>;
  readonly #constants: Values = new Map();
  readonly #variables = new Map<string, tf.Tensor>();
  readonly #elements: Elements;

  private constructor(backend: string, program: Program, plans: readonly Plan[], elements: Elements) {
    this.#backend = backend;
    this.#elements = elements;
    this.#declared = new Map(program.variables.map((variable) => [variable.name, variable]));
    this.#plans = new Map(plans.map((plan) => [plan.fn.name, plan]));
  }

  /** Uploads constants once for all functions and sets every variable to zeros. */
  static async create(
    backend: string,
    program: Program,
    plans: readonly Plan[],
    elements: Elements,
  ): Promise<InterpreterExecutable> {
    const executable = new InterpreterExecutable(backend, program, plans, elements);
    await executable.#activate();
    for (const { constants } of plans)
      for (const { id, value } of constants)
        if (!executable.#constants.has(id)) executable.#constants.set(id, upload(value));
    for (const { name, shape, dtype } of program.variables)
      executable.#variables.set(name, tf.zeros([...shape], dtype));
    return executable;
  }

  async call(name: string, feeds: Feeds): Promise<Readonly<Record<string, HostTensor>>> {
    const plan = this.#plans.get(name);
    if (plan === undefined)
      throw userError(
        "UNKNOWN_FUNCTION",
        `the program has no function ${name}`,
        `It has ${[...this.#plans.keys()].join(", ")}.`,
      );
    checkFeeds(plan, feeds);
    await this.#activate();
    const values = this.#sources(plan, feeds);
    try {
      for (const { node, kernel, lastReads } of plan.steps) {
        values.set(node.id, kernel(node.inputs.map((input) => valueOf(values, input.id))));
        for (const id of lastReads) {
          valueOf(values, id).dispose();
          values.delete(id);
        }
      }
      const fetched = Object.entries(plan.fn.fetches).map(([key, node]): [string, HostTensor] => [
        key,
        download(valueOf(values, node.id), node),
      ]);
      for (const effect of plan.fn.effects)
        applyEffect(effect, this.#variables, (node) => valueOf(values, node.id), this.#elements);
      return Object.fromEntries(fetched);
    } finally {
      for (const [id, value] of values) if (!this.#constants.has(id)) value.dispose();
    }
  }

  async readVariable(name: string): Promise<HostTensor> {
    const variable = this.#variable(name);
    await this.#activate();
    return download(this.#valueOfVariable(name), variable);
  }

  async writeVariable(name: string, value: HostTensor): Promise<void> {
    const variable = this.#variable(name);
    if (!fits(variable, value))
      throw userError(
        "FEED_MISMATCH",
        `variable ${name} is ${variable.dtype}${shapeText(variable.shape)}, got ${value.dtype}${shapeText(value.shape)}`,
      );
    await this.#activate();
    this.#valueOfVariable(name).dispose();
    this.#variables.set(name, upload(value));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#activate();
    tf.dispose([...this.#constants.values(), ...this.#variables.values()]);
    this.#constants.clear();
    this.#variables.clear();
  }

  /** tfjs has one active backend for the whole process, and another engine may have switched it. */
  async #activate(): Promise<void> {
    if (tf.getBackend() !== this.#backend) await tf.setBackend(this.#backend);
  }

  #variable(name: string): Variable {
    const variable = this.#declared.get(name);
    if (variable === undefined) throw userError("UNKNOWN_VARIABLE", `the program has no variable ${name}`);
    return variable;
  }

  #valueOfVariable(name: string): tf.Tensor {
    const value = this.#variables.get(name);
    if (value === undefined) throw new Error(`variable ${name} is gone: the executable was disposed`);
    return value;
  }

  #sources(plan: Plan, feeds: Feeds): Values {
    const values: Values = new Map(this.#constants);
    for (const { id, name } of plan.variables) values.set(id, share(this.#valueOfVariable(name)));
    for (const { id, name } of plan.feeds) {
      const value = feeds[name];
      if (value !== undefined) values.set(id, upload(value));
    }
    return values;
  }
}

function valueOf(values: Values, id: number): tf.Tensor {
  const value = values.get(id);
  if (value === undefined) throw new Error(`node %${id} has no value: the plan is wrong`);
  return value;
}

const fits = (expected: { dtype: DType; shape: Shape }, value: HostTensor): boolean =>
  expected.dtype === value.dtype && sameShape(expected.shape, value.shape);

/** Throws `FEED_MISMATCH` unless `feeds` are exactly the function's, in type and shape. */
function checkFeeds({ fn }: Plan, feeds: Feeds): void {
  const fail = (problem: string) => userError("FEED_MISMATCH", `${fn.name}: ${problem}`);
  const expected = new Set<string>();
  for (const { op, dtype, shape } of fn.feeds) {
    if (op.kind !== "feed") continue;
    expected.add(op.name);
    const value = feeds[op.name];
    if (value === undefined) throw fail(`feed ${op.name} is missing`);
    if (!fits({ dtype, shape }, value))
      throw fail(
        `feed ${op.name} is ${dtype}${shapeText(shape)}, got ${value.dtype}${shapeText(value.shape)}`,
      );
  }
  for (const name of Object.keys(feeds)) if (!expected.has(name)) throw fail(`it has no feed ${name}`);
}

/** A copy in JavaScript memory: the cpu backend would hand out the tensor's own array. */
function download(value: tf.Tensor, { dtype, shape }: { dtype: DType; shape: Shape }): HostTensor {
  if (dtype === "bfloat16")
    throw new Error("bfloat16 does not leave a program: defineProgram lets no such fetch through");
  return hostTensor(dtype, shape, value.dataSync());
}
