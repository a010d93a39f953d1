/** A program that went to another process is the one that was sent. */
import { expect, test } from "vitest";
import { dumpFunction } from "../../src/tensor/dump.ts";
import { decodeProgram, encodeProgram } from "../../src/tensor/portable-program.ts";
import type { Program } from "../../src/tensor/program.ts";
import { defineLlama } from "../../src/model/llama-config.ts";
import { dpoProgram } from "../../src/train/dpo-program.ts";
import { defineOptimizer } from "../../src/train/optimizer.ts";

const { program } = dpoProgram({
  model: defineLlama({
    hiddenSize: 8,
    intermediateSize: 12,
    numLayers: 2,
    numHeads: 2,
    numKvHeads: 1,
    vocabSize: 16,
    contextLength: 8,
  }),
  microBatchSize: 2,
  sequenceLength: 8,
  gradientAccumulation: 2,
  optimizer: defineOptimizer(),
  recompute: "blocks",
  beta: 0.5,
});

/** Nodes numbered by their order, which is all that their ids mean. */
function text({ functions }: Program): string {
  const numbers = new Map<string, number>();
  return functions
    .map(dumpFunction)
    .join("\n")
    .replaceAll(/%\d+/g, (id) => {
      if (!numbers.has(id)) numbers.set(id, numbers.size);
      return `%${numbers.get(id)}`;
    });
}

test("nodes, feeds, fetches and effects come out as they went in", () => {
  const sent = structuredClone(encodeProgram(program));
  const received = decodeProgram(sent);
  expect(text(received)).toBe(text(program));
  expect(received.variables).toEqual(program.variables);
  // Constants and feeds, which the text shortens.
  expect(encodeProgram(received)).toEqual(sent);
});
