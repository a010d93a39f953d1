/** The package from a folder of its own, by its name: docs/api.md is run and type-checked as it stands. */
import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packageRoot, Project } from "./project.ts";

/** The examples of the page, in order. */
const examples = [
  ...readFileSync(join(packageRoot, "docs/api.md"), "utf8").matchAll(/```js\n(.*?)```/gs),
].map(([, code = ""]) => code);

let project: Project;
let folder: string;
beforeAll(() => {
  project = new Project();
  // The pipeline too imports the package by name.
  unlinkSync(join(project.root, "node_modules"));
  mkdirSync(join(project.root, "node_modules"));
  symlinkSync(join(packageRoot, "node_modules/zod"), join(project.root, "node_modules/zod"));
  symlinkSync(packageRoot, join(project.root, "node_modules/minilm-pipeline"));
  for (const path of [
    "src/text.ts",
    "pipeline.ts",
    "stages/words.ts",
    "stages/count.ts",
    "stages/report.ts",
    "stages/side.ts",
  ])
    project.edit(path, `${packageRoot}/src/pipeline/index.ts`, "minilm-pipeline/pipeline");

  folder = mkdtempSync(join(tmpdir(), "api-"));
  mkdirSync(join(folder, "node_modules/@types"), { recursive: true });
  symlinkSync(packageRoot, join(folder, "node_modules/minilm-pipeline"));
  symlinkSync(join(packageRoot, "node_modules/@types/node"), join(folder, "node_modules/@types/node"));
  writeFileSync(join(folder, "package.json"), '{"type": "module"}');
  for (const [index, code] of examples.entries())
    for (const extension of ["mjs", "mts"])
      writeFileSync(join(folder, `example-${index}.${extension}`), code);
});
afterAll(() => {
  project.remove();
  rmSync(folder, { recursive: true, force: true });
});

test("the examples run on plain Node, one after the other", () => {
  const output = examples.map((_code, index) =>
    execFileSync(process.execPath, [join(folder, `example-${index}.mjs`)], {
      cwd: project.root,
      encoding: "utf8",
    }),
  );
  const [first = "", second = "", third = ""] = output;
  expect(first.split("\n")).toEqual([
    "words run words has no finished execution yet",
    expect.stringMatching(/^count run input words comes from words/),
    expect.stringMatching(/^report run input total comes from count/),
    expect.stringMatching(/^words took \d+ ms$/),
    expect.stringMatching(/^count took \d+ ms$/),
    expect.stringMatching(/^report took \d+ ms$/),
    "succeeded 3 0",
    "hit",
    "",
  ]);
  expect(second).toBe("UNKNOWN_TARGET - did you mean report?\n");
  expect(third).toBe("words → count → report → side\n5 executions and artifacts are behind it\n");
}, 120_000);

test("the examples are typed", () => {
  const program = ts.createProgram(
    examples.map((_code, index) => join(folder, `example-${index}.mts`)),
    {
      strict: true,
      noEmit: true,
      target: ts.ScriptTarget.ES2023,
      lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts"],
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      types: ["node"],
      typeRoots: [join(folder, "node_modules/@types")],
      allowImportingTsExtensions: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: true,
    },
  );
  const told = ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    return `${file?.fileName ?? ""}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
  });
  expect(told).toEqual([]);
}, 120_000);
