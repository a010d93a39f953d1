import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { applyEffect } from "../../../src/engine/interpreter/effects.ts";
import { createInterpreterEngine } from "../../../src/engine/interpreter/interpreter-engine.ts";
import { share } from "../../../src/engine/interpreter/kernels.ts";
import { openWasmHeap } from "../../../src/engine/interpreter/wasm-heap.ts";
import { defineVariable, feed } from "../../../src/tensor/program.ts";

await createInterpreterEngine("wasm");
const heap = openWasmHeap();

test("rows are written into the variable's own memory, and into a copy where that is shared", () => {
  const variable = defineVariable("table", [3, 2]);
  const [rows, value] = [feed("rows", [1], "int32"), feed("value", [1, 2])];
  const values = new Map([
    [rows, tf.tensor([1], [1], "int32")],
    [value, tf.tensor([8, 9], [1, 2])],
  ]);
  const table = tf.zeros([3, 2]);
  const variables = new Map([["table", table]]);
  const write = () =>
    applyEffect(
      { kind: "assignRows", variable, rows, value },
      variables,
      (node) => values.get(node) ?? tf.scalar(0),
      (x) => heap.elements(x),
    );

  write();
  expect(variables.get("table")).toBe(table);
  expect([...table.dataSync()]).toEqual([0, 0, 8, 9, 0, 0]);

  const shared = share(table);
  values.set(rows, tf.tensor([0], [1], "int32"));
  write();
  expect([...(variables.get("table")?.dataSync() ?? [])]).toEqual([8, 9, 8, 9, 0, 0]);
  expect([...shared.dataSync()]).toEqual([0, 0, 8, 9, 0, 0]);
});
