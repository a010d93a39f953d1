import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { examineExecutor } from "../../src/cli/doctor/examine-executor.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "executor-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("stages that run on this machine need no finding", async () => {
  expect(await examineExecutor(root, { PATH: "" })).toEqual([]);
});

test("Slurm is found by its sbatch, and its absence has a hint", async () => {
  writeFileSync(join(root, "settings.yaml"), "executor:\n  kind: slurm\n");
  expect(await examineExecutor(root, { PATH: root })).toMatchObject([{ name: "executor", level: "fail" }]);
  writeFileSync(join(root, "sbatch"), "", { mode: 0o755 });
  expect(await examineExecutor(root, { PATH: root })).toEqual([
    { name: "executor", level: "ok", message: `Slurm jobs, through ${join(root, "sbatch")}` },
  ]);
});

test("settings that cannot be read are a finding", async () => {
  writeFileSync(join(root, "settings.yaml"), "executor:\n  kind: cloud\n");
  const [finding] = await examineExecutor(root, { PATH: root });
  expect(finding).toMatchObject({ level: "fail" });
  expect(finding?.message).toContain("settings.yaml:2");
});
