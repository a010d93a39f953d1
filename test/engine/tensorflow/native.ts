/** Tests that need native TensorFlow: skipped by name where it is not installed. */
import { describe } from "vitest";
import type { Executable } from "../../../src/engine/engine.ts";
import { openEngine } from "../../../src/engine/open-engine.ts";
import { engineStatus } from "../../../src/engine/provision/engine-status.ts";
import type { Tensor } from "../../../src/tensor/graph.ts";
import { defineProgram, type Program } from "../../../src/tensor/program.ts";

delete process.env["PIPELINE_ENGINE"];
const { tensorflow } = await engineStatus();

export function describeNative(name: string, body: () => void): void {
  if (tensorflow.state === "absent")
    describe.skip(`${name} (skipped: ${tensorflow.reason}; run npx pipeline engine install)`, body);
  else describe(name, body);
}

export async function compile(program: Program): Promise<Executable> {
  const engine = await openEngine({ kind: "tensorflow" });
  return engine.compile(defineProgram(program));
}

/** A program with one function, `run`, without effects. */
export const compileFunction = (
  feeds: readonly Tensor[],
  fetches: Readonly<Record<string, Tensor>>,
): Promise<Executable> =>
  compile({ variables: [], functions: [{ name: "run", feeds, fetches, effects: [] }] });
