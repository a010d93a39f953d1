/**
 * Our graphs run on any TensorFlow from 2.9.1, which the binding's own installer brings, to the one that is installed: both
 * have every op of theirs, with these attributes and inputs and a kernel for these types.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openEngine } from "../../../../src/engine/open-engine.ts";
import type { TfNode } from "../../../../src/engine/tensorflow/tf-graph.ts";
import { describeNative } from "../native.ts";
import { objections, parseOpDescriptions, type OpDescriptions } from "./op-descriptions.ts";
import { inferencePrograms, tensorflowNodes, trainingPrograms } from "./our-ops.ts";

const here = import.meta.dirname;
const programs = [...(await trainingPrograms()), ...(await inferencePrograms())];
const ours = programs.map(([name, program]) => ({ name, nodes: tensorflowNodes(program) }));
const ourOps = new Set(ours.flatMap(({ nodes }) => nodes.map(({ op }) => op)));
const version2_9 = parseOpDescriptions(readFileSync(join(here, "tensorflow-2.9.1.jsonl"), "utf8"));

const allObjections = (known: OpDescriptions, nodes: readonly TfNode[]): readonly string[] => [
  ...new Set(nodes.flatMap((node) => objections(known, node))),
];

test("every kind of program is among those looked at", () => {
  expect(ours.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["pretrain of minilm.yaml", "dpo of smollm2-135m.yaml", "inference on 3 texts"]),
  );
  // One op that only each of these has: training, accumulating, waiting to recompute, decoding, checkpoints.
  for (const op of ["ResourceApplyAdam", "AssignAddVariableOp", "Identity", "ResourceGather", "VarHandleOp"])
    expect(ourOps).toContain(op);
});

test.each(ours)("TensorFlow 2.9.1 runs every node of $name", ({ nodes }) => {
  expect(allObjections(version2_9, nodes)).toEqual([]);
});

test("a node that TensorFlow 2.9.1 cannot run is noticed", () => {
  const product = {
    name: "product",
    op: "MatMul",
    inputs: ["a:0", "b:0"],
    control: [],
    attributes: { T: { type: "float32" }, transpose_a: { bool: false }, transpose_b: { bool: true } },
  } as const satisfies TfNode;
  const changed = (changes: Partial<TfNode>) => objections(version2_9, { ...product, ...changes });
  expect(changed({})).toEqual([]);
  expect(changed({ op: "NoSuchOp" })).toEqual(["there is no op NoSuchOp"]);
  expect(changed({ attributes: { T: { type: "bool" } } })).toEqual(["MatMul.T cannot be bool"]);
  // TensorFlow 2.21 has it.
  expect(changed({ attributes: { T: { type: "float32" }, grad_a: { bool: true } } })).toEqual([
    "MatMul has no attribute grad_a",
  ]);
  expect(changed({ attributes: {} })).toEqual(["MatMul needs the attribute T"]);
  expect(changed({ inputs: ["a:0"] })).toEqual(["MatMul takes 2 inputs, not 1"]);
  const read = { op: "ReadVariableOp", inputs: ["a:0"], attributes: { dtype: { int: 1 } } } as const;
  expect(changed(read)).toEqual(["ReadVariableOp.dtype is a type"]);
  // The op takes int32, but no kernel of the CPU does.
  expect(changed({ op: "RealDiv", attributes: { T: { type: "int32" } } })).toEqual([
    "RealDiv has no kernel for T int32",
  ]);
});

const python = findPython();

describeNative("the loaded library", () => {
  test.skipIf(python === undefined || process.platform !== "linux")(
    "runs every node of ours (needs python3 to ask it)",
    async () => {
      const { version } = (await openEngine({ kind: "tensorflow" })).identity;
      const answer = execFileSync(python ?? "", [join(here, "list_ops.py"), ...loadedLibraries()], {
        encoding: "utf8",
        input: [...ourOps, ...version2_9.keys(), "NoSuchOp"].join("\n"),
        stdio: ["pipe", "pipe", "ignore"],
      });
      const loaded = parseOpDescriptions(answer);
      expect(loaded.has("NoSuchOp")).toBe(false);
      expect(
        allObjections(
          loaded,
          ours.flatMap(({ nodes }) => nodes),
        ),
        version,
      ).toEqual([]);
      if (version === "2.9.1") expect(loaded).toEqual(version2_9);
    },
  );
});

/** Where the libraries lie that this process runs TensorFlow from: the framework first, on which the other stands. */
function loadedLibraries(): string[] {
  const mapped = readFileSync("/proc/self/maps", "utf8").split("\n");
  const paths = new Set(mapped.flatMap((line) => /\/\S*libtensorflow\S*$/.exec(line) ?? []));
  return [...paths].sort((a, b) => Number(b.includes("framework")) - Number(a.includes("framework")));
}

function findPython(): string | undefined {
  try {
    execFileSync("python3", ["--version"], { stdio: "ignore" });
    return "python3";
  } catch {
    return undefined;
  }
}
