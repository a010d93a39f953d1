/**
 * Our graphs run on any TensorFlow from 2.9.1, which the binding's own installer brings, to the one that is installed: every
 * op of theirs is registered in both.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadNativeTensorflow } from "../../../../src/engine/tensorflow/native-tensorflow.ts";
import { describeNative } from "../native.ts";
import { inferencePrograms, tensorflowOps, trainingPrograms } from "./our-ops.ts";

const here = import.meta.dirname;
const programs = [...(await trainingPrograms()), ...(await inferencePrograms())];
const ours = programs.map(([name, program]) => ({ name, ops: tensorflowOps(program) }));
const allOurs = new Set(ours.flatMap(({ ops }) => ops));
const linesOf = (text: string): string[] => text.trimEnd().split("\n");

test("every kind of program is among those looked at", () => {
  expect(ours.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["pretrain of minilm.yaml", "dpo of smollm2-135m.yaml", "inference on 3 texts"]),
  );
  // One op that only each of these has: training, accumulating, waiting to recompute, decoding, checkpoints.
  for (const op of ["ResourceApplyAdam", "AssignAddVariableOp", "Identity", "ResourceGather", "VarHandleOp"])
    expect(allOurs).toContain(op);
});

const version2_9 = new Set(linesOf(readFileSync(join(here, "tensorflow-2.9.1.txt"), "utf8")));

test.each(ours)("TensorFlow 2.9.1 has every op of $name", ({ ops }) => {
  expect(ops.filter((op) => !version2_9.has(op))).toEqual([]);
});

const python = findPython();

describeNative("the loaded library", () => {
  test.skipIf(python === undefined || process.platform !== "linux")(
    "has every op of ours (needs python3 to ask it)",
    () => {
      const { version } = loadNativeTensorflow();
      const loaded = execFileSync(python ?? "", [join(here, "list_ops.py"), ...loadedLibraries()], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
        maxBuffer: 1e7,
      });
      const registered = new Set(linesOf(loaded));
      expect(registered.size, version).toBeGreaterThan(1000);
      expect([...allOurs].filter((op) => !registered.has(op))).toEqual([]);
      expect(registered.has("NoSuchOp")).toBe(false);
    },
  );
});

/** Where the libraries lie that this process runs TensorFlow from: the framework first, on which the other stands. */
function loadedLibraries(): string[] {
  const mapped = linesOf(readFileSync("/proc/self/maps", "utf8"));
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
