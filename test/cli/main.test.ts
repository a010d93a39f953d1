import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { captureStreams } from "./captured-streams.ts";

const packageRoot = resolve(import.meta.dirname, "../..");
const host = { projectRoot: packageRoot, packageRoot, compiledDirectory: join(packageRoot, "not-compiled") };

async function pipeline(...commandLine: string[]) {
  const streams = captureStreams();
  const exitCode = await main(commandLine, host, { streams, env: {} });
  return { exitCode, ...(await streams.written()) };
}

test.each([
  [["stats"], "UNKNOWN_COMMAND", "did you mean status? (npx pipeline --help)"],
  [["engine", "lst"], "UNKNOWN_COMMAND", "did you mean list? (npx pipeline engine --help)"],
  [["run", "--fosrce", "count"], "UNKNOWN_OPTION", "did you mean --force? (npx pipeline run --help)"],
  [
    ["engine", "dump", "--mermiad"],
    "UNKNOWN_OPTION",
    "did you mean --mermaid? (npx pipeline engine dump --help)",
  ],
  [["run", "--jobs", "none"], "INVALID_ARGUMENT", "npx pipeline run --help"],
  [["run", "--jobs", "0"], "INVALID_ARGUMENT", "npx pipeline run --help"],
  [["run", "--set"], "MISSING_ARGUMENT", "npx pipeline run --help"],
  [["why"], "MISSING_ARGUMENT", "npx pipeline why --help"],
  [["status", "count"], "EXCESS_ARGUMENTS", "npx pipeline status --help"],
  [["lineage", "--up", "--down"], "CONFLICTING_OPTIONS", "npx pipeline lineage --help"],
  [["estimate", "tiny", "--config", "small"], "OPTIONS_CONFLICT", "give one of them"],
  [["estimate", "tiny", "small"], "EXCESS_ARGUMENTS", "npx pipeline estimate --help"],
])("%j is the user's mistake: %s, exit code 2, and what to run instead", async (commandLine, code, hint) => {
  const { exitCode, stdout, stderr } = await pipeline(...commandLine);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  const lines = stderr.trimEnd().split("\n");
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(new RegExp(`^error ${code}: `));
  expect(lines[1]).toBe(`hint: ${hint}`);
});

test("help and version are no errors", async () => {
  const manifest: unknown = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
  const { stdout, ...rest } = await pipeline("--version");
  expect(rest).toEqual({ exitCode: 0, stderr: "" });
  expect(manifest).toHaveProperty("version", stdout.trim());
  const help = await pipeline("run", "--help");
  expect(help).toMatchObject({ exitCode: 0, stderr: "" });
  expect(help.stdout).toContain("--force <stage>");
});

test("no command at all shows the help as an error", async () => {
  const { exitCode, stdout, stderr } = await pipeline();
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(stderr).toContain("Usage: pipeline <command> [options]");
});

test("what is not compiled is the world's failure, exit code 1", async () => {
  const { exitCode, stderr } = await pipeline("plan");
  expect(exitCode).toBe(1);
  expect(stderr).toContain("error NOT_COMPILED: ");
});
