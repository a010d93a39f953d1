import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { configFile } from "../../src/cli/config-file.ts";

const projectRoot = mkdtempSync(join(tmpdir(), "config-file-"));
const workingDirectory = join(projectRoot, "below");
mkdirSync(join(projectRoot, "configs"));
mkdirSync(workingDirectory);
for (const file of ["configs/tiny.yaml", "configs/small.yaml", "below/mine.yaml"])
  writeFileSync(join(projectRoot, file), "");
afterAll(() => rmSync(projectRoot, { recursive: true }));

const find = (name: string) => configFile(name, { projectRoot, workingDirectory });

test("a name means a recipe in configs/", () => {
  expect(find("tiny")).toBe(join(projectRoot, "configs/tiny.yaml"));
});

test("a path is looked for where the user stands, then in the project", () => {
  expect(find("mine.yaml")).toBe(join(workingDirectory, "mine.yaml"));
  expect(find("configs/small.yaml")).toBe(join(projectRoot, "configs/small.yaml"));
});

test("an unknown recipe is the user's error, with the nearest name and all names", () => {
  expect(() => find("tini")).toThrow(
    expect.objectContaining({
      code: "CONFIG_NOT_FOUND",
      kind: "user",
      hint: "did you mean tiny? recipes in configs/: small, tiny",
    }),
  );
});
