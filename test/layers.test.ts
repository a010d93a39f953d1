import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { BARRELS, cycles, importsOf, isBarrel, listSources, violations, type Import } from "./layer-rules.ts";

const root = dirname(import.meta.dirname);
const sources = [
  ...["src", "stages"].flatMap((folder) => listSources(root, folder)),
  ...(existsSync(join(root, "pipeline.ts")) ? ["pipeline.ts"] : []),
];
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const imports = sources.flatMap((path) => importsOf(path, read(path)));

test("there is something to check", () => {
  expect(sources).toContain("src/runner/session.ts");
  expect(imports).toContainEqual({
    from: "src/runner/session.ts",
    to: "src/store/open-store.ts",
    typeOnly: false,
  });
});

test("imports point downwards as the table of layers says", () => {
  expect(violations(imports)).toEqual([]);
});

test("no import goes in a circle", () => {
  expect(cycles(imports)).toEqual([]);
});

test("there are no barrels but two", () => {
  expect(sources.filter((path) => isBarrel(read(path)) && !BARRELS.includes(path))).toEqual([]);
});

test.each([
  ["an upward arrow", "src/std/x.ts", `import { a } from "../runner/plan.ts";`],
  [
    "the language-model half reaching for the runner",
    "src/train/x.ts",
    `import { a } from "../runner/session.ts";`,
  ],
  [
    "the runner half reaching for the language model",
    "src/runner/x.ts",
    `import { a } from "../model/llama.ts";`,
  ],
  ["an upward arrow of types", "src/lineage/x.ts", `import type { A } from "../runner/plan-types.ts";`],
  ["an inline type", "src/store/x.ts", `const a: import("../runner/event.ts").RunnerEvent = b;`],
  ["a dynamic import", "src/pipeline/x.ts", `const a = await import("../store/open-store.ts");`],
  ["a re-export", "src/hashing/x.ts", `export { a } from "../store/store.ts";`],
  ["somebody importing the command line", "src/runner/x.ts", `import { main } from "../cli/main.ts";`],
  ["somebody importing reports", "src/lineage/x.ts", `import { page } from "../report/page.ts";`],
  [
    "a concrete store in the runner",
    "src/runner/plan.ts",
    `import { openStore } from "../store/open-store.ts";`,
  ],
  [
    "a folder without a row",
    "src/utils/x.ts",
    `import { a } from "../std/json.ts"; import { b } from "../model/x.ts";`,
  ],
  ["a stage reaching for the store", "stages/x.ts", `import { a } from "../src/store/store.ts";`],
  ["the library reaching for stages", "src/train/x.ts", `import { a } from "../../stages/x.ts";`],
])("%s is found", (_what, from, text) => {
  expect(violations(importsOf(from, text))).toHaveLength(1);
});

test.each([
  ["src/runner/plan.ts", `import type { ExecutionRecord } from "../store/records.ts";`],
  ["src/runner/plan.ts", `import { type ExecutionRecord } from "../store/records.ts";`],
  ["src/runner/session.ts", `import { openStore } from "../store/open-store.ts";`],
  ["stages/x.ts", `import { a } from "../src/pipeline/index.ts"; import { b } from "../src/train/loop.ts";`],
  ["src/report/x.ts", `import { a } from "../model/llama.ts"; import { b } from "../store/open-store.ts";`],
])("%s may say %s", (from, text) => {
  expect(violations(importsOf(from, text))).toEqual([]);
});

test("a circle is found and shown, and one of types is none", () => {
  const circle: Import[] = [
    { from: "a", to: "b", typeOnly: false },
    { from: "b", to: "c", typeOnly: false },
    { from: "c", to: "b", typeOnly: false },
    { from: "c", to: "a", typeOnly: true },
  ];
  expect(cycles(circle)).toEqual(["b → c → b"]);
});

test("a barrel is told from a file that does something", () => {
  expect(isBarrel(`export * from "./a.ts";\nexport { b } from "./b.ts";`)).toBe(true);
  expect(isBarrel(`export { b } from "./b.ts";\nexport const a = 1;`)).toBe(false);
  expect(isBarrel(`const a = 1;\nexport { a };`)).toBe(false);
});
