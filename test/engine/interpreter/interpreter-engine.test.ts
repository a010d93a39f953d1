import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { createInterpreterEngine } from "../../../src/engine/interpreter/interpreter-engine.ts";
import * as ops from "../../../src/tensor/ops.ts";
import { defineProgram, defineVariable, feed, readVariable } from "../../../src/tensor/program.ts";
import { float32, int32, scalar, sizeOf } from "../../../src/tensor/types.ts";

describe.each(["wasm", "cpu"] as const)("on %s", async (backend) => {
  const engine = await createInterpreterEngine(backend);

  test("argMax takes the first largest element", async () => {
    const x = feed("x", [2, 3]);
    await using executable = await engine.compile(
      defineProgram({
        variables: [],
        functions: [{ name: "run", feeds: [x], fetches: { y: ops.argMax(x) }, effects: [] }],
      }),
    );
    const { y } = await executable.call("run", { x: float32([2, 3], Float32Array.of(1, 3, 3, 5, 2, 5)) });
    expect(y).toEqual(int32([2], Int32Array.of(1, 0)));
  });

  test("one element is broadcast to every place, whatever its shape and type", async () => {
    const [x, n] = [feed("x", [1, 1]), feed("n", [], "int32")];
    await using executable = await engine.compile(
      defineProgram({
        variables: [],
        functions: [
          {
            name: "run",
            feeds: [x, n],
            fetches: { floats: ops.broadcastTo(x, [2, 3]), integers: ops.broadcastTo(n, [2]) },
            effects: [],
          },
        ],
      }),
    );
    expect(
      await executable.call("run", {
        x: float32([1, 1], Float32Array.of(0.1)),
        n: int32([], Int32Array.of(-7)),
      }),
    ).toEqual({
      floats: float32([2, 3], new Float32Array(6).fill(0.1)),
      integers: int32([2], Int32Array.of(-7, -7)),
    });
  });

  test("effects happen in order, on values of before the call", async () => {
    const [a, b] = [defineVariable("a", []), defineVariable("b", [])];
    const program = defineProgram({
      variables: [a, b],
      functions: [
        {
          name: "swap",
          feeds: [],
          fetches: { sum: ops.add(readVariable(a), readVariable(b)) },
          effects: [
            { kind: "assign", variable: a, value: readVariable(b) },
            { kind: "assign", variable: b, value: readVariable(a) },
            { kind: "assignAdd", variable: b, value: readVariable(b) },
          ],
        },
      ],
    });
    await using executable = await engine.compile(program);
    await executable.writeVariable("a", scalar(3));
    await executable.writeVariable("b", scalar(5));
    expect(await executable.call("swap", {})).toEqual({ sum: scalar(8) });
    expect(await executable.readVariable("a")).toEqual(scalar(5));
    expect(await executable.readVariable("b")).toEqual(scalar(8));
  });

  test("assignRows replaces the named rows and leaves the others", async () => {
    const table = defineVariable("table", [4, 2]);
    const [rows, value] = [feed("rows", [2], "int32"), feed("value", [2, 2])];
    await using executable = await engine.compile(
      defineProgram({
        variables: [table],
        functions: [
          {
            name: "write",
            feeds: [rows, value],
            fetches: { before: readVariable(table) },
            effects: [{ kind: "assignRows", variable: table, rows, value }],
          },
        ],
      }),
    );
    const start = float32([4, 2], Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7));
    await executable.writeVariable("table", start);
    const feeds = {
      rows: int32([2], Int32Array.of(3, 1)),
      value: float32([2, 2], Float32Array.of(9, 8, 7, 6)),
    };
    expect(await executable.call("write", feeds)).toEqual({ before: start });
    expect(await executable.readVariable("table")).toEqual(
      float32([4, 2], Float32Array.of(0, 1, 7, 6, 4, 5, 9, 8)),
    );
  });

  test("assignRows does not reach what stands on the same memory", async () => {
    const [table, copy] = [defineVariable("table", [256, 8]), defineVariable("copy", [256, 8])];
    const [rows, value] = [feed("rows", [1], "int32"), feed("value", [1, 8])];
    const write = { kind: "assignRows", variable: table, rows, value } as const;
    const copyOut = { kind: "assign", variable: copy, value: readVariable(table) } as const;
    const sum = ops.sum(readVariable(table));
    await using executable = await engine.compile(
      defineProgram({
        variables: [table, copy],
        functions: [
          { name: "write", feeds: [rows, value], fetches: { sum }, effects: [write] },
          { name: "copyAndWrite", feeds: [rows, value], fetches: {}, effects: [copyOut, write] },
        ],
      }),
    );
    const feeds = (row: number, element: number) => ({
      rows: int32([1], Int32Array.of(row)),
      value: float32([1, 8], new Float32Array(8).fill(element)),
    });
    const sums = async () => {
      const [a, b] = [await executable.readVariable("table"), await executable.readVariable("copy")];
      return [a, b].map(({ data }) => Array.from(data).reduce((total, element) => total + element, 0));
    };
    await executable.call("write", feeds(255, 1));
    expect(await executable.call("write", feeds(1, 1))).toEqual({ sum: scalar(8) });
    expect(await sums()).toEqual([16, 0]);
    // The copy is of before the call, and what is written afterwards does not reach it.
    await executable.call("copyAndWrite", feeds(2, 1));
    expect(await sums()).toEqual([24, 16]);
    await executable.call("write", feeds(1, 5));
    expect(await sums()).toEqual([56, 16]);
    await expect(executable.call("write", feeds(256, 1))).rejects.toThrow("no row 256");
  });

  test("AdamW takes the step that the formula gives", async () => {
    const p = defineVariable("p", [2]);
    const [m, v] = [defineVariable("m", [2]), defineVariable("v", [2])];
    const [g, lr, t] = [feed("g", [2]), feed("lr", []), feed("t", [])];
    await using executable = await engine.compile(
      defineProgram({
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
                beta1: 0.9,
                beta2: 0.95,
                epsilon: 1e-8,
                weightDecay: 0.1,
              },
            ],
          },
        ],
      }),
    );
    await executable.writeVariable("p", float32([2], Float32Array.of(1, -2)));
    // The first step moves by lr against the sign of the gradient, whatever its size, after decaying by lr·λ.
    await executable.call("step", {
      g: float32([2], Float32Array.of(0.5, -3)),
      lr: scalar(0.1),
      t: scalar(1),
    });
    const first = await executable.readVariable("p");
    expect(first.data[0]).toBeCloseTo(1 * 0.99 - 0.1, 6);
    expect(first.data[1]).toBeCloseTo(-2 * 0.99 + 0.1, 6);
    expect((await executable.readVariable("m")).data[0]).toBeCloseTo(0.05, 7);
    expect((await executable.readVariable("v")).data[1]).toBeCloseTo(0.45, 6);
  });

  const doubled = () => {
    const [x, w] = [feed("x", [2]), defineVariable("w", [2])];
    const y = ops.mul(ops.add(readVariable(w), x), 2);
    return defineProgram({
      variables: [w],
      functions: [
        { name: "run", feeds: [x], fetches: { y }, effects: [{ kind: "assignAdd", variable: w, value: y }] },
      ],
    });
  };
  const ones = () => float32([2], Float32Array.of(1, 1));

  test("calls leave no tensor behind, nor does a disposed executable", async () => {
    const before = tf.memory().numTensors;
    {
      await using executable = await engine.compile(doubled());
      await executable.call("run", { x: ones() });
      const held = tf.memory();
      for (let call = 0; call < 5; call++) await executable.call("run", { x: ones() });
      expect(tf.memory().numTensors).toBe(held.numTensors);
      expect(tf.memory().numBytes).toBe(held.numBytes);
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  test("what it is given and what it gives are not shared with it", async () => {
    await using executable = await engine.compile(doubled());
    const given = ones();
    await executable.writeVariable("w", given);
    given.data.fill(7);
    const read = await executable.readVariable("w");
    expect(read).toEqual(ones());
    read.data.fill(9);
    expect(await executable.readVariable("w")).toEqual(ones());
  });

  test("an unknown function and a wrong feed are refused by code", async () => {
    await using executable = await engine.compile(doubled());
    await expect(executable.call("walk", {})).rejects.toMatchObject({ code: "UNKNOWN_FUNCTION" });
    await expect(executable.call("run", {})).rejects.toMatchObject({ code: "FEED_MISMATCH" });
    await expect(executable.call("run", { x: scalar(1) })).rejects.toThrow(
      "feed x is float32(2), got float32()",
    );
    await expect(executable.call("run", { x: int32([2], Int32Array.of(1, 2)) })).rejects.toMatchObject({
      code: "FEED_MISMATCH",
    });
    await expect(executable.call("run", { x: ones(), y: ones() })).rejects.toThrow("it has no feed y");
    await expect(executable.writeVariable("w", scalar(1))).rejects.toMatchObject({ code: "FEED_MISMATCH" });
  });

  test("equal calls give equal bits", async () => {
    const [a, b] = [feed("a", [4, 33, 65]), feed("b", [4, 17, 65])];
    const y = ops.softmax(ops.matmul(a, b, { transposeB: true }));
    await using executable = await engine.compile(
      defineProgram({
        variables: [],
        functions: [{ name: "run", feeds: [a, b], fetches: { y }, effects: [] }],
      }),
    );
    const noise = (shape: readonly number[]) =>
      float32(
        shape,
        Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(i * 12.9898) * 2),
      );
    const feeds = { a: noise(a.shape), b: noise(b.shape) };
    expect(await executable.call("run", feeds)).toEqual(await executable.call("run", feeds));
  });
});
