/** State changes: order, old values, and the optimizer against its formula in double precision. */
import fc from "fast-check";
import { expect, test } from "vitest";
import * as ops from "../../../src/tensor/ops.ts";
import { defineVariable, feed, readVariable } from "../../../src/tensor/program.ts";
import { float32, int32, scalar } from "../../../src/tensor/types.ts";
import { compile, describeNative } from "./native.ts";

describeNative("effects", () => {
  test("variables start as zeros of their dtype", async () => {
    const variables = [
      defineVariable("f", [2, 2]),
      defineVariable("i", [3], "int32"),
      defineVariable("b", [], "bool"),
    ];
    await using executable = await compile({ variables, functions: [] });
    expect(await executable.readVariable("f")).toEqual(float32([2, 2], new Float32Array(4)));
    expect(await executable.readVariable("i")).toEqual({
      dtype: "int32",
      shape: [3],
      data: new Int32Array(3),
    });
    expect(await executable.readVariable("b")).toEqual({ dtype: "bool", shape: [], data: new Uint8Array(1) });
  });

  test("hundreds of variables of two types and many shapes are written and read each by its name", async () => {
    const variables = Array.from({ length: 300 }, (_, index) =>
      defineVariable(`v${index}`, [1 + (index % 3), 2], index % 7 === 0 ? "int32" : "float32"),
    );
    const valueOf = ({ shape, dtype }: (typeof variables)[number], start: number) => {
      const numbers = Array.from({ length: (shape[0] ?? 0) * 2 }, (_, offset) => start + offset);
      return dtype === "int32"
        ? int32(shape, Int32Array.from(numbers))
        : float32(shape, Float32Array.from(numbers));
    };
    await using executable = await compile({ variables, functions: [] });
    for (const [index, variable] of variables.entries())
      if (index % 2 === 0) await executable.writeVariable(variable.name, valueOf(variable, 10 * index));
    for (const [index, variable] of variables.entries()) {
      const expected = index % 2 === 0 ? valueOf(variable, 10 * index) : valueOf(variable, 0);
      if (index % 2 === 1) expected.data.fill(0);
      expect(await executable.readVariable(variable.name)).toEqual(expected);
    }
  });

  test("all values are old ones, and effects on one variable happen in order", async () => {
    const [a, b] = [defineVariable("a", []), defineVariable("b", [])];
    await using executable = await compile({
      variables: [a, b],
      functions: [
        {
          name: "swap",
          feeds: [],
          fetches: { a: readVariable(a), sum: ops.add(readVariable(a), readVariable(b)) },
          effects: [
            { kind: "assign", variable: a, value: readVariable(b) },
            { kind: "assign", variable: b, value: readVariable(a) },
            { kind: "assignAdd", variable: b, value: ops.mul(readVariable(b), 10) },
          ],
        },
      ],
    });
    await executable.writeVariable("a", scalar(3));
    await executable.writeVariable("b", scalar(5));
    expect(await executable.call("swap", {})).toEqual({ a: scalar(3), sum: scalar(8) });
    expect(await executable.readVariable("a")).toEqual(scalar(5));
    expect(await executable.readVariable("b")).toEqual(scalar(53));
  });

  test("a long chain of additions and assignments ends as if done one by one", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ add: fc.boolean(), by: fc.integer({ min: -9, max: 9 }) }), { maxLength: 12 }),
        fc.integer({ min: -9, max: 9 }),
        async (steps, start) => {
          const x = defineVariable("x", [2]);
          // Each value also depends on x, so that a change that came too early would show.
          const value = (by: number) => ops.add(readVariable(x), by);
          await using executable = await compile({
            variables: [x],
            functions: [
              {
                name: "run",
                feeds: [],
                fetches: { old: readVariable(x) },
                effects: steps.map(({ add, by }) => ({
                  kind: add ? "assignAdd" : "assign",
                  variable: x,
                  value: value(by),
                })),
              },
            ],
          });
          const filled = (element: number) => float32([2], new Float32Array(2).fill(element));
          await executable.writeVariable("x", filled(start));
          expect(await executable.call("run", {})).toEqual({ old: filled(start) });
          const end = steps.reduce((now, { add, by }) => (add ? now : 0) + start + by, start);
          expect(await executable.readVariable("x")).toEqual(filled(end));
        },
      ),
      { numRuns: 15 },
    ));

  test("a call without fetches has had its effect when it returns", async () => {
    const count = defineVariable("count", []);
    const by = feed("by", []);
    await using executable = await compile({
      variables: [count],
      functions: [
        {
          name: "add",
          feeds: [by],
          fetches: {},
          effects: [{ kind: "assignAdd", variable: count, value: by }],
        },
      ],
    });
    for (let i = 1; i <= 50; i++) expect(await executable.call("add", { by: scalar(i) })).toEqual({});
    expect(await executable.readVariable("count")).toEqual(scalar(1275));
  });

  test("a variable does not keep the memory of what was written or fed", async () => {
    const [x, y] = [defineVariable("x", [1000]), defineVariable("y", [1000])];
    const given = feed("given", [1000]);
    await using executable = await compile({
      variables: [x, y],
      functions: [
        {
          name: "set",
          feeds: [given],
          fetches: {},
          effects: [{ kind: "assign", variable: y, value: given }],
        },
      ],
    });
    const mine = new Float32Array(1000).fill(7);
    await executable.writeVariable("x", float32([1000], mine));
    await executable.call("set", { given: float32([1000], mine) });
    mine.fill(-1);
    const seven = float32([1000], new Float32Array(1000).fill(7));
    expect(await executable.readVariable("x")).toEqual(seven);
    expect(await executable.readVariable("y")).toEqual(seven);
  });

  const hyperparameters = fc.record({
    beta1: fc.constantFrom(0, 0.8, 0.9),
    beta2: fc.constantFrom(0.95, 0.999),
    epsilon: fc.constantFrom(1e-8, 1e-3),
    weightDecay: fc.constantFrom(0, 0.1),
    learningRate: fc.constantFrom(1e-3, 0.1),
  });

  test("AdamW follows the formula for a hundred steps", () =>
    fc.assert(
      fc.asyncProperty(
        hyperparameters,
        fc.array(fc.float({ min: -2, max: 2, noNaN: true }), { minLength: 4, maxLength: 4 }),
        async ({ learningRate, ...settings }, start) => {
          const [p, m, v] = ["p", "m", "v"].map((name) => defineVariable(name, [4]));
          if (p === undefined || m === undefined || v === undefined) throw new Error("three variables");
          const [g, lr, t] = [feed("g", [4]), feed("lr", []), feed("t", [])];
          await using executable = await compile({
            variables: [p, m, v],
            functions: [
              {
                name: "step",
                feeds: [g, lr, t],
                fetches: {},
                effects: [
                  {
                    kind: "adamW",
                    parameter: p,
                    firstMoment: m,
                    secondMoment: v,
                    gradient: g,
                    learningRate: lr,
                    step: t,
                    ...settings,
                  },
                ],
              },
            ],
          });
          await executable.writeVariable("p", float32([4], Float32Array.from(start)));
          const exact = start.map((value) => ({ p: value, m: 0, v: 0, largest: Math.abs(value) }));
          for (let step = 1; step <= 100; step++) {
            // Gradients of all sizes, with changing signs, and one that is always zero.
            const gradient = [0, 1e-4, 1, 50].map((size, i) => Math.fround(size * Math.cos(step * (i + 1))));
            await executable.call("step", {
              g: float32([4], Float32Array.from(gradient)),
              lr: scalar(learningRate),
              t: scalar(step),
            });
            exact.forEach((state, i) => {
              adamW(state, gradient[i] ?? 0, Math.fround(learningRate), step, settings);
              state.largest = Math.max(state.largest, Math.abs(state.p));
            });
          }
          const { data } = await executable.readVariable("p");
          exact.forEach((state, i) => {
            // A rounding of p and one of 1 − lr·λ in every step, and a millionth of the way it went.
            const allowed = 100 * 2 ** -23 * state.largest + 1e-6 * 100 * learningRate;
            expect(Math.abs((data[i] ?? NaN) - state.p)).toBeLessThan(allowed);
          });
        },
      ),
      { numRuns: 15 },
    ));

  /** Loshchilov & Hutter 2019, Algorithm 2, as torch.optim.AdamW has it, in double precision. */
  function adamW(
    state: { p: number; m: number; v: number },
    gradient: number,
    learningRate: number,
    step: number,
    { beta1, beta2, epsilon, weightDecay }: Record<"beta1" | "beta2" | "epsilon" | "weightDecay", number>,
  ): void {
    state.p *= 1 - learningRate * weightDecay;
    state.m = beta1 * state.m + (1 - beta1) * gradient;
    state.v = beta2 * state.v + (1 - beta2) * gradient ** 2;
    const root = Math.sqrt(state.v / (1 - beta2 ** step));
    state.p -= (learningRate * (state.m / (1 - beta1 ** step))) / (root + epsilon);
  }

  test("AdamW beside other effects on its parameter keeps their order", async () => {
    const [p, m, v] = [defineVariable("p", []), defineVariable("m", []), defineVariable("v", [])];
    const settings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.5 };
    await using executable = await compile({
      variables: [p, m, v],
      functions: [
        {
          name: "step",
          feeds: [],
          fetches: { before: readVariable(p) },
          effects: [
            { kind: "assign", variable: p, value: ops.scalarConstant(10) },
            {
              kind: "adamW",
              parameter: p,
              firstMoment: m,
              secondMoment: v,
              gradient: readVariable(p),
              learningRate: ops.scalarConstant(0.5),
              step: ops.scalarConstant(1),
              ...settings,
            },
            { kind: "assignAdd", variable: p, value: ops.scalarConstant(100) },
          ],
        },
      ],
    });
    await executable.writeVariable("p", scalar(2));
    expect(await executable.call("step", {})).toEqual({ before: scalar(2) });
    const state = { p: 10, m: 0, v: 0 };
    adamW(state, 2, 0.5, 1, settings);
    expect((await executable.readVariable("p")).data[0]).toBeCloseTo(state.p + 100, 5);
  });
});
