import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { unusedCompiled } from "../../src/runner/prune-compiled.ts";
import { identityToName, thisProcess } from "../../src/std/process-identity.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "compiled-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function make(name: string, { ageMs = 120_000, user }: { ageMs?: number; user?: string } = {}): void {
  const directory = join(root, name);
  mkdirSync(join(directory, "users"), { recursive: true });
  if (user !== undefined) writeFileSync(join(directory, "users", user), "");
  const then = new Date(Date.now() - ageMs);
  utimesSync(directory, then, then);
}

const unused = (): string[] => unusedCompiled(root).map((path) => basename(path));

test("compiled directories pile up: those that are not current and not in use are named", () => {
  make("current");
  make("old");
  make("used", { user: identityToName(thisProcess()) });
  make("of-the-dead", { user: identityToName({ ...thisProcess(), startTime: "0" }) });
  make("of-another-host", { user: identityToName({ ...thisProcess(), host: "a,b/c" }) });
  make("young", { ageMs: 0 });
  writeFileSync(join(root, "latest.json"), JSON.stringify({ directory: "current" }));
  expect(unused().sort()).toEqual(["of-the-dead", "old"]);
});

test("without a record of what is current, what was not used lately can go", () => {
  make("any");
  expect(unused()).toEqual(["any"]);
});

test("where nothing was compiled there is nothing to prune", () => {
  expect(unusedCompiled(join(root, "none"))).toEqual([]);
});
