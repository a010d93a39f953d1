import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RunnerEvent } from "../../src/runner/event.ts";
import { Project } from "./project.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => project.remove());

const warnings = (events: readonly RunnerEvent[]) =>
  events.filter((event) => event.type === "warning" && event.code === "UNDECLARED_READ");

/** Runs `side` with `code` before its work; `imports` stand above. */
async function runSide(imports: string, code: string, fields = "") {
  project.edit(
    "stages/side.ts",
    'import { writeFileSync } from "node:fs";',
    `${imports}\nimport { writeFileSync } from "node:fs";`,
  );
  project.edit("stages/side.ts", 'trace("side");', `trace("side"); ${code}`);
  if (fields !== "") project.edit("stages/side.ts", 'name: "side",', `name: "side", ${fields},`);
  const { events, status } = await project.run(["side"]);
  expect(status).toBe("succeeded");
  return warnings(events);
}

test("a file that a stage reads without declaring it is named in a warning, once, and in the log", async () => {
  project.write("notes.txt", "a");
  project.write("more/deep.txt", "b");
  const found = await runSide(
    `import * as fs from "node:fs"; import { readFileSync } from "node:fs"; import { open, readFile } from "node:fs/promises";
     import { createRequire } from "node:module"; import { execFile } from "node:child_process";`,
    `readFileSync("notes.txt"); await readFile("notes.txt", "utf8");
     await (await open("more/deep.txt")).close(); fs.readdirSync("more"); fs.closeSync(fs.openSync("pipeline.ts", "r"));
     await new Promise((end) => fs.createReadStream("configs/test.yaml").on("close", end).resume());
     createRequire(import.meta.url)("fs").readFileSync(new URL("file://" + process.cwd() + "/src/one.ts"));`,
  );
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ stage: "side" });
  const message = found[0]?.type === "warning" ? found[0].message : "";
  expect(message).toContain(
    ": notes.txt, more/deep.txt, more, pipeline.ts, configs/test.yaml, src/one.ts; name it in `files`",
  );
  const { stages } = await project.with((session) => session.status());
  const log = stages.find(({ id }) => id === "side")?.latest?.logFile ?? "";
  expect(project.read(log)).toContain("UNDECLARED_READ");
});

test("inputs, outputs, checkpoints, downloads, declared files, packages and the system's files are no surprise", async () => {
  project.write("notes/a.txt", "a");
  mkdirSync(join(project.root, "empty"));
  const found = await runSide(
    `import { existsSync, readFileSync, readdirSync, mkdtempSync, statSync } from "node:fs"; import { tmpdir } from "node:os"; import { join } from "node:path";`,
    `readFileSync("notes/a.txt"); readdirSync("notes"); readFileSync("/etc/hostname"); readFileSync("/proc/self/status");
     readFileSync("node_modules/zod/package.json"); readdirSync(mkdtempSync(join(tmpdir(), "side-")));
     existsSync("pipeline.ts"); statSync("pipeline.ts");
     try { readFileSync("missing.txt"); } catch {}
     writeFileSync("written.txt", "w");`,
    'files: () => ["notes"]',
  );
  expect(found).toEqual([]);
  const { events } = await project.run(["report"], {}, { env: { ...process.env } });
  expect(warnings(events)).toEqual([]);
});

test("of many files some are named and the rest are counted", async () => {
  for (let index = 0; index < 25; index++) project.write(`many/${index}.txt`, "x");
  const [found] = await runSide(
    `import { readFileSync } from "node:fs";`,
    `for (let index = 0; index < 25; index++) readFileSync("many/" + index + ".txt");`,
  );
  expect(found?.type === "warning" ? found.message : "").toContain("many/19.txt and 5 more;");
});

test("a stage that fails tells what it read as well", async () => {
  project.write("notes.txt", "a");
  project.edit(
    "stages/side.ts",
    'trace("side");',
    'trace("side"); (await import("node:fs")).readFileSync("notes.txt");',
  );
  const { events } = await project.run(["side"], {}, { set: ["side.mode=throw"] });
  expect(warnings(events)).toHaveLength(1);
});
