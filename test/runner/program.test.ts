/** The compiled program: what it loads and when, and that compiled code may lie anywhere. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { PROGRAM_FILE } from "../../src/runner/compiled.ts";
import { loadProgram } from "../../src/runner/program.ts";
import { pruneCompiled } from "../../src/runner/prune-compiled.ts";
import { identityToName, thisProcess, type ProcessIdentity } from "../../src/std/process-identity.ts";
import { Project } from "./project.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => project.remove());

/** A package that leaves a trace when it is loaded. */
function addPackage(name: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files))
    project.write(`packages/node_modules/${name}/${path}`, text);
}

const trace = 'globalThis.loaded = [...(globalThis.loaded ?? []), "NAME"];';
const loaded = (): unknown => Reflect.get(globalThis, "loaded");

test("a program loads a package when it is first used, with the exports that an import gives", async () => {
  Reflect.deleteProperty(globalThis, "loaded");
  addPackage("modern", {
    "package.json":
      '{"name": "modern", "version": "1.0.0", "type": "module", "exports": {"import": "./main.js"}}',
    "main.js": `${trace.replace("NAME", "modern")} export const named = "n"; export default "d";`,
  });
  addPackage("classic", {
    "package.json": '{"name": "classic", "version": "1.0.0"}',
    "index.js": `${trace.replace("NAME", "classic")} module.exports = Object.assign(() => "called", { named: "c" });`,
  });
  project.write(
    "packages/uses.ts",
    `import fallback, { named } from "modern";
     import * as all from "modern";
     import classic, { named as other } from "classic";
     export const uses = () => [named, fallback, Object.keys(all).sort().join(), classic(), other].join(" ");`,
  );
  project.edit(
    "stages/side.ts",
    "import { Report }",
    'export { uses } from "../packages/uses.ts"; import { Report }',
  );

  const directory = await project.compile();
  const program = loadProgram(join(directory, PROGRAM_FILE), "test");
  const { uses } = (await program.stages["stages/side.ts"]?.()) as { uses: () => string };
  expect(loaded()).toBe(undefined);
  expect(uses()).toBe("n d default,named called c");
  expect(loaded()).toEqual(["modern", "classic"]);
}, 60_000);

test("the program is ASCII, and text of other scripts means in it what it means in its source", async () => {
  // @ stands for a backtick.
  const source = String.raw`export const texts = () => [
    "春风 \u{1F600}😀", @é😀@, String.raw@\n 春😀@, /^[😀，]春?$/u.test("😀春"), /^😀+$/.test("😀"),
    /^[^，。]+$/.test("春风"), "a😀b".replace(/[😀]/u, "c"), /(?<春>风)/u.exec("春风").groups["春"], { 春: "风" }.春,
  ];`.replaceAll("@", "`");
  project.write("packages/texts.mjs", source);
  project.edit(
    "stages/side.ts",
    "import { Report }",
    'export { texts } from "../packages/texts.mjs"; import { Report }',
  );
  const directory = await project.compile();
  expect(readFileSync(join(directory, PROGRAM_FILE)).every((byte) => byte < 128)).toBe(true);
  const program = loadProgram(join(directory, PROGRAM_FILE), "test");
  const { texts } = (await program.stages["stages/side.ts"]?.()) as { texts: () => unknown[] };
  const asWritten = (await import(`data:text/javascript,${encodeURIComponent(source)}`)) as {
    texts: () => unknown[];
  };
  expect(texts()).toEqual(asWritten.texts());
}, 60_000);

test("a code cache is written once for each purpose; a damaged one is written anew", async () => {
  const directory = await project.compile();
  // Processes of their own: within one, V8 remembers what it compiled.
  const start = (purpose: string) =>
    execFileSync(process.execPath, [
      "--eval",
      `const program = require("${directory}/start.cjs").openProgram("${directory}", "${purpose}");
       program.pipeline().then(({ default: { name } }) => { program.saveCodeCache(); console.log(name); });`,
    ]).toString();
  for (const purpose of ["plan", "run"]) expect(start(purpose)).toBe("test\n");
  const caches = readdirSync(directory).filter((name) => name.endsWith(".codecache"));
  expect(caches.sort()).toEqual(["plan.codecache", "run.codecache"]);

  const written = readFileSync(join(directory, "run.codecache"));
  writeFileSync(join(directory, "run.codecache"), "damaged");
  expect(start("run")).toBe("test\n");
  expect(readFileSync(join(directory, "run.codecache")).byteLength).toBeGreaterThan(written.byteLength / 2);
  expect(existsSync(join(directory, "users"))).toBe(true);
}, 60_000);

test("a code cache made at the end of a long run holds what the start ran", async () => {
  const directory = await project.compile();
  const sizeAfter = (purpose: string, collections: number) => {
    execFileSync(process.execPath, [
      "--stress-flush-code", // what is forgotten at all is forgotten at once
      "--expose-gc",
      "--eval",
      `const program = require("${directory}/start.cjs").openProgram("${directory}", "${purpose}");
       program.pipeline().then(() => { for (let n = 0; n < ${collections}; n++) gc(); program.saveCodeCache(); });`,
    ]);
    return readFileSync(join(directory, `${purpose}.codecache`)).byteLength;
  };
  expect(sizeAfter("long", 3)).toBeGreaterThan(0.9 * sizeAfter("short", 0));
}, 60_000);

test("cache/ may be a link to another disk: packages are found from the sources", async () => {
  const elsewhere = new Project();
  try {
    mkdirSync(join(elsewhere.root, "disk"));
    symlinkSync(join(elsewhere.root, "disk"), join(project.root, "cache"));
    renameSync(join(elsewhere.root, "node_modules"), join(elsewhere.root, "hidden"));
    const { status } = await project.run(["words"]);
    expect(status).toBe("succeeded");
    expect(readdirSync(join(elsewhere.root, "disk"))).toContain("compiled");
  } finally {
    elsewhere.remove();
  }
}, 60_000);

test("import.meta.url is where the source is", async () => {
  project.write("src/prompt.txt", "from a file");
  project.edit(
    "src/three.ts",
    "value * 3",
    'value * readFileSync(new URL("./prompt.txt", import.meta.url), "utf8").length',
  );
  project.edit(
    "src/three.ts",
    "export const three",
    'import { readFileSync } from "node:fs"; export const three',
  );
  await project.run(["words"]);
  expect(project.read("artifacts/words/words/value.txt")).toBe("33");
}, 60_000);

test("an await at the top level of what a stage imports is refused, with its place", async () => {
  project.edit("src/three.ts", "export const three", "await Promise.resolve(); export const three");
  await expect(project.compile()).rejects.toMatchObject({
    code: "SOURCE_INVALID",
    message: expect.stringContaining("src/three.ts:1:1") as unknown,
    hint: expect.stringContaining("await inside run") as unknown,
  });
}, 60_000);

test("compiled directories are pruned when they are old and nobody uses them", () => {
  const root = join(project.root, "cache/compiled");
  const make = (name: string, user?: ProcessIdentity) => {
    project.write(`cache/compiled/${name}/program.cjs`, "");
    if (user) project.write(`cache/compiled/${name}/users/${identityToName(user)}`, "");
    if (name !== "young") utimesSync(join(root, name), new Date(0), new Date(0));
  };
  make("current");
  make("young");
  make("unused");
  make("used", thisProcess());
  make("left", { ...thisProcess(), startTime: "another" });
  pruneCompiled(root, "current");
  expect(readdirSync(root).sort()).toEqual(["current", "used", "young"]);
});

test("a project without pipeline.ts is told where to go", async () => {
  renameSync(join(project.root, "pipeline.ts"), join(project.root, "other.ts"));
  await expect(project.compile()).rejects.toMatchObject({ code: "PIPELINE_NOT_FOUND", kind: "user" });
});
