/** Compiled programs as their callers see them: errors, memory, repeatability, isolation. */
import v8 from "node:v8";
import vm from "node:vm";
import { expect, test } from "vitest";
import { openEngine } from "../../../src/engine/open-engine.ts";
import { engineStatus } from "../../../src/engine/provision/engine-status.ts";
import { loadNativeTensorflow } from "../../../src/engine/tensorflow/native-tensorflow.ts";
import { gradients } from "../../../src/tensor/gradients.ts";
import * as ops from "../../../src/tensor/ops.ts";
import { defineVariable, feed, readVariable, type Program } from "../../../src/tensor/program.ts";
import { float32, int32, scalar, sizeOf, type HostTensor } from "../../../src/tensor/types.ts";
import { compile, compileFunction, describeNative } from "./native.ts";

/** Fixed but irregular numbers in (-1, 1). */
const noise = (shape: readonly number[], seed: number): HostTensor =>
  float32(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(seed + i * 12.9898)),
  );

/** Embedding, batched matmul, softmax, cross entropy and AdamW: every kind of kernel that training uses. */
function smallModel(): { program: Program; feeds: Record<string, HostTensor> } {
  const [vocabulary, width, batch, time] = [211, 64, 4, 32];
  const embedding = defineVariable("embedding", [vocabulary, width]);
  const moments = ["m", "v"].map((name) => defineVariable(name, [vocabulary, width]));
  const [tokens, labels] = [feed("tokens", [batch, time], "int32"), feed("labels", [batch * time], "int32")];
  const table = readVariable(embedding);
  const x = ops.gather(table, tokens); // (B, T, C)
  const attention = ops.softmax(ops.matmul(x, x, { transposeB: true })); // (B, T, T)
  const mixed = ops.reshape(ops.matmul(attention, x), [batch * time, width]);
  const logits = ops.matmul(mixed, table, { transposeB: true }); // (B·T, V)
  const loss = ops.mean(ops.sparseCrossEntropy(logits, labels));
  const [gradient = loss] = gradients(loss, [table]);
  const [firstMoment, secondMoment] = moments;
  if (firstMoment === undefined || secondMoment === undefined) throw new Error("two moments");
  const program: Program = {
    variables: [embedding, ...moments],
    functions: [
      {
        name: "train",
        feeds: [tokens, labels],
        fetches: { loss, gradient },
        effects: [
          {
            kind: "adamW",
            parameter: embedding,
            firstMoment,
            secondMoment,
            gradient,
            learningRate: ops.scalarConstant(0.01),
            step: ops.scalarConstant(3),
            beta1: 0.9,
            beta2: 0.95,
            epsilon: 1e-8,
            weightDecay: 0.1,
          },
        ],
      },
    ],
  };
  const ids = (seed: number) =>
    Int32Array.from({ length: batch * time }, (_, i) => (i * i + seed) % vocabulary);
  return {
    program,
    feeds: { tokens: int32([batch, time], ids(3)), labels: int32([batch * time], ids(8)) },
  };
}

describeNative("a compiled program", () => {
  test("has the identity that engineStatus promised", async () => {
    const { chosen } = await engineStatus("tensorflow");
    expect((await openEngine({ kind: "tensorflow" })).identity).toEqual(chosen);
  });

  test("names what is wrong with a call", async () => {
    const x = feed("x", [2, 3]);
    await using executable = await compileFunction([x], { y: ops.neg(x) });
    const good = float32([2, 3], new Float32Array(6));
    await expect(executable.call("walk", { x: good })).rejects.toMatchObject({ code: "UNKNOWN_FUNCTION" });
    await expect(executable.call("run", {})).rejects.toMatchObject({
      code: "FEED_MISMATCH",
      message: "cannot run run: x must be float32 (2, 3) but was not given",
    });
    await expect(executable.call("run", { x: int32([3, 2], new Int32Array(6)) })).rejects.toMatchObject({
      code: "FEED_MISMATCH",
      message: "cannot run run: x must be float32 (2, 3), got int32 (3, 2)",
    });
    await expect(executable.call("run", { x: float32([2, 3], new Float32Array(5)) })).rejects.toMatchObject({
      code: "FEED_MISMATCH",
    });
    await expect(executable.call("run", { x: good, z: good })).rejects.toMatchObject({
      code: "FEED_MISMATCH",
    });
    await expect(executable.readVariable("w")).rejects.toMatchObject({ code: "UNKNOWN_VARIABLE" });
  });

  test("passes on what TensorFlow says, and still works afterwards", async () => {
    const [table, at] = [feed("table", [4, 2]), feed("at", [1], "int32")];
    await using executable = await compileFunction([table, at], { row: ops.gather(table, at) });
    const call = (index: number) =>
      executable.call("run", { table: noise([4, 2], 1), at: int32([1], Int32Array.of(index)) });
    await expect(call(9)).rejects.toMatchObject({
      code: "ENGINE_FAILED",
      message: expect.stringContaining("indices[0] = 9 is not in [0, 4)") as string,
    });
    const { row } = await call(1);
    expect(row?.data).toEqual(noise([4, 2], 1).data.slice(2, 4));
  });

  test("cannot be called once it is disposed", async () => {
    const executable = await compileFunction([], { y: ops.scalarConstant(1) });
    await executable[Symbol.asyncDispose]();
    await executable[Symbol.asyncDispose]();
    await expect(executable.call("run", {})).rejects.toMatchObject({ code: "ENGINE_FAILED" });
  });

  test("accepts feeds that nothing depends on, and fetches that are feeds", async () => {
    const [x, unused] = [feed("x", [2]), feed("unused", [3])];
    await using executable = await compileFunction([x, unused], { x });
    const given = { x: noise([2], 1), unused: noise([3], 2) };
    expect(await executable.call("run", given)).toEqual({ x: given.x });
  });

  test("takes empty tensors", async () => {
    const x = feed("x", [0, 3]);
    await using executable = await compileFunction([x], { y: ops.sum(x, { axes: [0] }), x });
    const empty = float32([0, 3], new Float32Array(0));
    expect(await executable.call("run", { x: empty })).toEqual({
      y: float32([3], new Float32Array(3)),
      x: empty,
    });
  });

  test("shares no variable with another one", async () => {
    const program: Program = { variables: [defineVariable("w", [])], functions: [] };
    await using first = await compile(program);
    await using second = await compile(program);
    await first.writeVariable("w", scalar(1));
    expect(await second.readVariable("w")).toEqual(scalar(0));
  });

  test("repeats itself to the bit, compiled anew", async () => {
    const { program, feeds } = smallModel();
    const train = async () => {
      await using executable = await compile(program);
      await executable.writeVariable("embedding", noise([211, 64], 1));
      const results = [];
      for (let step = 0; step < 8; step++) results.push(await executable.call("train", feeds));
      return [results, await executable.readVariable("embedding"), await executable.readVariable("v")];
    };
    const once = await train();
    for (let again = 0; again < 3; again++) expect(await train()).toEqual(once);
  });

  test("leaves nothing behind after a thousand calls", async () => {
    const { binding } = loadNativeTensorflow();
    v8.setFlagsFromString("--expose-gc");
    const collectGarbage = vm.runInNewContext("gc") as () => void;
    const arrayMegabytes = () => {
      collectGarbage();
      return process.memoryUsage().arrayBuffers / 1e6;
    };
    const x = feed("x", [50_000]);
    const total = defineVariable("total", [50_000]);
    await using executable = await compile({
      variables: [total],
      functions: [
        {
          name: "run",
          feeds: [x],
          fetches: { y: ops.neg(x), x },
          effects: [{ kind: "assign", variable: total, value: x }],
        },
      ],
    });
    const before = { tensors: binding.getNumOfTensors(), megabytes: arrayMegabytes() };
    for (let i = 0; i < 1000; i++) await executable.call("run", { x: noise([50_000], i) });
    expect(binding.getNumOfTensors()).toBe(before.tensors);
    // The feeds alone were 200 MB.
    expect(arrayMegabytes() - before.megabytes).toBeLessThan(20);
  });

  test("refuses constants that no SavedModel can hold", async () => {
    const large = (): HostTensor => float32([1e8], new Float32Array(1e8));
    const fetches = Object.fromEntries(
      [1, 2, 3, 4, 5].map((name) => [`sum${name}`, ops.sum(ops.constant(large()))]),
    );
    await expect(compileFunction([], fetches)).rejects.toMatchObject({ code: "PROGRAM_TOO_LARGE" });
  });
});
