/** The clock is set back or forth between commands: never a wrong hit, never a crash. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Command, type Ended } from "./command.ts";
import { Project } from "./project.ts";

const SHIFT = pathToFileURL(join(import.meta.dirname, "clock-shift.js")).href;
const HOUR = 3_600_000;

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => project.remove());

const at = (shiftMs: number, ...args: readonly string[]): Promise<Ended> =>
  new Command(project.root, args, { NODE_OPTIONS: `--import=${SHIFT}`, CLOCK_SHIFT: String(shiftMs) }).ended;

test("the clock was set back an hour: edits are seen, hits are hits, gc takes nothing that is needed", async () => {
  expect((await at(0, "run", "report")).exitCode).toBe(0);
  expect(project.executed()).toEqual(["words", "count from 0", "report"]);

  expect((await at(-HOUR, "run", "report")).exitCode).toBe(0);
  expect(project.executed()).toEqual([]);
  // The sources now come from the future, and so does what was compiled of them.
  project.edit("src/three.ts", "value * 3", "value * 5");
  expect((await at(-HOUR, "run", "report")).exitCode).toBe(0);
  expect(project.executed()).toEqual(["words", "count from 0", "report"]);
  // Of the same length, and within the same tick as the last look for all that this clock can tell.
  project.edit("src/three.ts", "value * 5", "value * 7");
  expect((await at(-HOUR, "run", "report")).exitCode).toBe(0);
  expect(project.executed()).toEqual(["words", "count from 0", "report"]);

  expect((await at(-HOUR, "gc", "--older-than", "1d")).exitCode).toBe(0);
  expect((await at(-HOUR, "check", "--deep")).exitCode).toBe(0);
  expect((await at(-HOUR, "run", "report")).exitCode).toBe(0);
  expect(project.executed()).toEqual([]);
}, 180_000);

test("the clock is set back while a run works: what it took is what it took, and can be handed on", async () => {
  const falling = { NODE_OPTIONS: `--import=${SHIFT}`, CLOCK_FALLS: "1000" };
  const ask = (...args: readonly string[]) => new Command(project.root, args, falling).ended;
  expect((await ask("run", "report")).exitCode).toBe(0);
  const runs = JSON.parse((await ask("runs", "--json")).stdout) as { runs: { durationMs: number }[] };
  expect(runs.runs.map(({ durationMs }) => durationMs > 0)).toEqual([true]);
  const { stages } = JSON.parse((await ask("status", "--json")).stdout) as {
    stages: { id: string; latest?: { durationMs: number } }[];
  };
  expect(
    stages.filter(({ latest }) => latest !== undefined && latest.durationMs > 0).map(({ id }) => id),
  ).toEqual(["words", "count", "report"]);
  expect((await ask("status")).stdout).not.toMatch(/-\d+ (?:s|min|h) |NaN/);
  expect((await ask("export-run", "--output", "run.tar")).exitCode).toBe(0);
  expect((await ask("check", "--deep")).exitCode).toBe(0);
}, 180_000);
