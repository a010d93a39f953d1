import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { digestSources, type SourceFacts } from "../../src/hashing/source-digest.ts";
import { SourceSnapshot } from "../../src/hashing/source-snapshot.ts";

let projectRoot: string;
beforeEach(() => {
  projectRoot = mkdtempSync(join(tmpdir(), "source-"));
  write("node_modules/left-pad/package.json", `{"name":"left-pad","version":"1.2.3","main":"index.js"}`);
  write("node_modules/@scope/tool/package.json", `{"name":"@scope/tool","version":"0.1.0"}`);
  for (const [path, text] of Object.entries(SOURCES)) write(path, text);
});
afterEach(() => rmSync(projectRoot, { recursive: true, force: true }));

const SOURCES = {
  "stages/train.ts": `
    import pad from "left-pad";
    import { readFileSync } from "node:fs";
    import { step } from "../src/step.ts";
    // a comment
    export interface Options { readonly size: number }
    const scale = 3;
    export const train = { name: "train", run(options: Options): string {
      const doubled = options.size * scale;
      return pad(String(step(doubled)), readFileSync("x").length);
    } };`,
  "src/step.ts": `
    import { half } from "./half.ts";
    import { third } from "./third.ts";
    /** Steps. */
    export const step = (value: number): number => half(value) + third;`,
  "src/half.ts": `
    export const half = (value: number): number => value / 2;
    export const unused = (value: number): number => value / 7;`,
  "src/third.ts": `export const third = 3;`,
  "stages/other.ts": `export const other = { name: "other", run: () => "other" };`,
};

function write(path: string, text: string): void {
  mkdirSync(dirname(join(projectRoot, path)), { recursive: true });
  writeFileSync(join(projectRoot, path), text);
}

function edit(path: keyof typeof SOURCES, from: string, to: string): void {
  expect(SOURCES[path]).toContain(from);
  write(path, SOURCES[path].replaceAll(from, to));
}

async function digest(entry = "stages/train.ts", root = projectRoot): Promise<SourceFacts> {
  const entries = [join(root, "stages/train.ts"), join(root, "stages/other.ts")];
  const all = await digestSources({ projectRoot: root, entries, snapshot: new SourceSnapshot() });
  const facts = all.get(join(root, entry));
  if (facts === undefined) throw new Error(`no facts for ${entry}`);
  return facts;
}

test("the facts name the files of the closure and the packages with their versions, and Node's modules as neither", async () => {
  const facts = await digest();
  expect(Object.keys(facts.files)).toEqual(["src/half.ts", "src/step.ts", "src/third.ts", "stages/train.ts"]);
  expect(facts.packages).toEqual({ "left-pad": "1.2.3" });
});

test.each([
  [
    "a comment",
    "stages/train.ts",
    "// a comment",
    "// quite another comment, with many more letters e e e e e",
  ],
  ["a documentation comment", "src/step.ts", "/** Steps. */", ""],
  ["white space", "src/half.ts", "value / 2", "value\n\n      /    2"],
  ["a type", "stages/train.ts", "readonly size: number", "size: number; eeeeeeeeeeee?: readonly string[]"],
  ["the name of a type", "stages/train.ts", "Options", "ZzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzQ"],
  ["the name of a local", "stages/train.ts", "doubled", "qqqqqqqqqqqqqqqqqqqqqqqqqqqq"],
  ["the name of a module-level constant", "stages/train.ts", "scale", "jjjjjjjjjjjjjjjjjj"],
  ["the name of a parameter", "src/half.ts", "value", "xxxxxxxxxxxxxxxxxxxxxxxxxx"],
] as const)("an edit of %s costs nothing", async (_what, path, from, to) => {
  const before = await digest();
  edit(path, from, to);
  expect(await digest()).toEqual(before);
});

test("an edit of a helper that nothing calls costs nothing", async () => {
  const before = await digest();
  edit("src/half.ts", "value / 7", "value / 8");
  expect((await digest()).digest).toBe(before.digest);
});

test("the rename of an exported helper in every file costs nothing", async () => {
  const before = await digest();
  edit("src/half.ts", "half", "halved");
  edit("src/step.ts", "half", "halved");
  write("src/halved.ts", SOURCES["src/half.ts"].replaceAll("half", "halved"));
  expect((await digest()).digest).toBe(before.digest);
});

test("an edit three imports down is seen, and the file is named", async () => {
  const before = await digest();
  edit("src/half.ts", "value / 2", "value / 2.5");
  const after = await digest();
  expect(after.digest).not.toBe(before.digest);
  const changed = Object.keys(after.files).filter((path) => after.files[path] !== before.files[path]);
  expect(changed).toEqual(["src/half.ts"]);
});

test("a changed constant is seen", async () => {
  const before = await digest();
  edit("src/third.ts", "= 3", "= 4");
  expect((await digest()).digest).not.toBe(before.digest);
});

test("an edit of one stage leaves the other alone", async () => {
  const before = await digest("stages/other.ts");
  edit("stages/train.ts", "= 3", "= 4");
  expect(await digest("stages/other.ts")).toEqual(before);
});

test("another version of an imported package is seen", async () => {
  write("node_modules/left-pad/package.json", `{"name":"left-pad","version":"1.2.4"}`);
  expect((await digest()).packages).toEqual({ "left-pad": "1.2.4" });
});

test("a package reached through a scope and a sub-path is known by its name", async () => {
  edit(
    "src/third.ts",
    "export const third = 3;",
    `import t from "@scope/tool/deep/x.js"; export const third = t();`,
  );
  expect((await digest()).packages).toEqual({ "@scope/tool": "0.1.0", "left-pad": "1.2.3" });
});

test("a package that is not installed is named", async () => {
  edit("src/third.ts", "export const third = 3;", `import t from "absent"; export const third = t();`);
  await expect(digest()).rejects.toMatchObject({ code: "PACKAGE_NOT_FOUND", kind: "user" });
});

test("the same sources in another directory have the same digests", async () => {
  const elsewhere = join(mkdtempSync(join(tmpdir(), "elsewhere-")), "deeper", "project");
  try {
    cpSync(projectRoot, elsewhere, { recursive: true });
    expect(await digest("stages/train.ts", elsewhere)).toEqual(await digest());
  } finally {
    rmSync(dirname(dirname(elsewhere)), { recursive: true });
  }
});

test("what is hashed is what was read first, even if the file changes meanwhile", async () => {
  const snapshot = new SourceSnapshot();
  const entry = join(projectRoot, "stages/train.ts");
  const [before] = (await digestSources({ projectRoot, entries: [entry], snapshot })).values();
  edit("stages/train.ts", "= 3", "= 4");
  const [again] = (await digestSources({ projectRoot, entries: [entry], snapshot })).values();
  expect(again).toEqual(before);
});

/** A helper of the stage that runs `expression`. */
function naming(expression: string, before = ""): void {
  edit(
    "src/third.ts",
    "export const third = 3;",
    `import { createRequire } from "node:module";\n${before}\nexport const third = (): unknown => ${expression};`,
  );
}

async function warnings(): Promise<readonly string[]> {
  const messages: string[] = [];
  await digestSources({
    projectRoot,
    entries: [join(projectRoot, "stages/train.ts"), join(projectRoot, "stages/other.ts")],
    snapshot: new SourceSnapshot(),
    onWarning: ({ message }) => messages.push(message),
  });
  return messages;
}

const ownRequire = "const load = createRequire(import.meta.url);";

test.each([
  [`createRequire(import.meta.url)("@scope/tool/deep.js")`, ""],
  [`createRequire(import.meta.filename).resolve("@scope/tool")`, ""],
  [`load("@scope/tool")`, ownRequire],
  [`load.resolve("@scope/tool/package.json")`, ownRequire],
  [`module.createRequire(import.meta.url)("@scope/tool")`, `import module from "node:module";`],
  [`require("@scope/tool")`, ""],
  [`require.resolve("@scope/tool")`, ""],
  [`import.meta.resolve("@scope/tool")`, ""],
  ["load(`${tool}/x.js`)", `${ownRequire} const tool = "@scope/tool";`],
])("the package that %s names is in the facts", async (expression, before) => {
  naming(expression, before);
  expect((await digest()).packages).toEqual({ "@scope/tool": "0.1.0", "left-pad": "1.2.3" });
  expect(await warnings()).toEqual([]);
});

test("a package in code that is shaken off is not in the facts, nor are Node's modules and what another `load` takes", async () => {
  naming(
    `[load("fs"), ((load: (name: string) => string) => load("absent"))(String)].length`,
    `export const unused = (): unknown => createRequire(import.meta.url)("@scope/tool");
     const inner = (): unknown => { ${ownRequire} return load("node:path"); };
     const load = (name: string): unknown => [name, inner];`,
  );
  expect((await digest()).packages).toEqual({ "left-pad": "1.2.3" });
  expect(await warnings()).toEqual([]);
});

test("a named package that is not installed is an error with file and line, unless a `try` provides for it", async () => {
  naming(`load("absent")`, ownRequire);
  await expect(digest()).rejects.toMatchObject({
    code: "PACKAGE_NOT_FOUND",
    message: expect.stringContaining("src/third.ts:3 imports absent") as string,
  });
  naming(
    `{ try { return load("absent"); } catch { return 0; } }`.replace(/^/, "(() => ") + ")()",
    ownRequire,
  );
  expect((await digest()).packages).toEqual({ absent: "absent", "left-pad": "1.2.3" });
});

test.each([
  `new URL("./table.bin", import.meta.url)`,
  `import.meta.resolve("./table.bin")`,
  `createRequire(import.meta.url).resolve("./table.bin")`,
])("an edit of the file that %s names is seen, and the file is named", async (expression) => {
  write("src/table.bin", "\0one");
  naming(expression);
  const before = await digest();
  const other = await digest("stages/other.ts");
  write("src/table.bin", "\0two");
  const after = await digest();
  expect(after.digest).not.toBe(before.digest);
  const changed = Object.keys(after.files).filter((path) => after.files[path] !== before.files[path]);
  expect(changed).toEqual(["src/table.bin"]);
  expect(await digest("stages/other.ts")).toEqual(other);
  expect(await warnings()).toEqual([]);
});

test("a named file that is not there is an error with file and line", async () => {
  naming(`new URL("./absent.bin", import.meta.url)`);
  await expect(digest()).rejects.toMatchObject({
    code: "SOURCE_REFERENCE_MISSING",
    kind: "user",
    message: expect.stringMatching(/^src\/third\.ts:3: .*src\/absent\.bin does not exist/) as string,
  });
});

test.each([
  [`load(String(third))`, ownRequire, /^src\/third\.ts:3: what require\(…\) names is computed/],
  [`new URL(String(third), import.meta.url)`, "", /^src\/third\.ts:3: what new URL/],
  [`import.meta.resolve(String(third))`, "", /^src\/third\.ts:3: what import\.meta\.resolve/],
  [`createRequire(String(third))`, "", /^src\/third\.ts:3: what createRequire\(…\) names/],
  [`new URL("..", import.meta.url)`, "", /^src\/third\.ts:3: .* the folder /],
  [`new URL("../../beyond.bin", import.meta.url)`, "", /^src\/third\.ts:3: .* outside the project/],
])("%s is a warning with file and line", async (expression, before, message) => {
  naming(expression, before);
  const found = await warnings();
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(message);
});

test("addresses of the network are no files", async () => {
  naming(`new URL("https://example.org/x", import.meta.url)`);
  expect(await warnings()).toEqual([]);
});

/** Written so that nobody compiles a worker into this file. */
const worker = "worker";

test("what a worker imports is the stage's code: an edit of it is seen, a comment is not", async () => {
  write(
    "src/count-worker.ts",
    `import { count } from "./count.ts"; import pad from "left-pad"; pad(count());`,
  );
  write("src/count.ts", `export const count = () => 1;`);
  edit(
    "stages/train.ts",
    "// a comment",
    `const worker = new URL("../src/count-${worker}.ts", import.meta.url); export { worker };`,
  );
  const before = await digest();
  expect(before.files).toHaveProperty(["src/count-worker.ts"]);
  expect(before.files).toHaveProperty(["src/count.ts"]);
  write("src/count.ts", `/** Counts. */ export const count = (): number => 1;`);
  expect(await digest()).toEqual(before);
  write("src/count.ts", `export const count = () => 2;`);
  const after = await digest();
  expect(after.digest).not.toBe(before.digest);
  expect(after.files["src/count.ts"]).not.toBe(before.files["src/count.ts"]);
});

test("a worker whose code names itself again has a digest", async () => {
  write("src/own-worker.ts", `import { start } from "./start.ts"; start();`);
  write("src/start.ts", `export const start = () => new URL("./own-${worker}.ts", import.meta.url);`);
  edit("stages/train.ts", "// a comment", `export { start } from "../src/start.ts";`);
  expect((await digest()).files).toHaveProperty(["src/own-worker.ts"]);
});
