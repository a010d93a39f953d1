import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Project } from "./project.ts";

let project: Project;
const index = (): string => join(project.root, "cache/index.mdb");
const journal = (): string => join(project.root, "cache/journal.jsonl");
beforeAll(async () => {
  project = new Project();
  await project.run();
}, 60_000);
afterAll(() => project.remove());

test("whatever length the index is cut to, the plan says hit for everything that was finished, and says why it could", async () => {
  const whole = readFileSync(index());
  const { length } = whole;
  const compiledDirectory = await project.compile();
  for (const cut of [0, 1, 100, 4096, 8191, 8192, 12_288, length >> 1, length - 4096]) {
    writeFileSync(index(), whole.subarray(0, cut));
    const [decisions, codes] = await project.with(
      async (session) => [
        (await session.plan()).stages.map(({ decision }) => decision),
        session.takeNotices().map(({ code }) => code),
      ],
      { compiledDirectory },
    );
    expect([cut, decisions]).toEqual([cut, ["hit", "hit", "hit", "hit"]]);
    // The last pages may hold nothing: without them the index is still whole.
    if (cut < length >> 1 || codes.length > 0) expect([cut, codes]).toEqual([cut, ["INDEX_REBUILT"]]);
  }
}, 120_000);

test("a run on a damaged index warns once and executes nothing; check finds all as it should be", async () => {
  project.executed();
  writeFileSync(index(), readFileSync(index()).subarray(0, 8192));
  const first = await project.run();
  const warnings = first.events.flatMap((event) => (event.type === "warning" ? [event.code] : []));
  expect([warnings, first.hits, project.executed()]).toEqual([["INDEX_REBUILT"], 4, []]);
  const second = await project.run();
  expect(second.events.filter(({ type }) => type === "warning")).toEqual([]);
  const report = await project.with((session) => session.check());
  expect(report.problems.filter(({ code }) => code.startsWith("journal-"))).toEqual([]);
}, 60_000);

test("a run of hits neither writes nor needs the journal", async () => {
  await project.run();
  const before = statSync(journal(), { bigint: true });
  await project.run();
  const after = statSync(journal(), { bigint: true });
  expect([after.mtimeNs, after.atimeNs, after.size]).toEqual([before.mtimeNs, before.atimeNs, before.size]);
  rmSync(journal());
  expect((await project.run()).hits).toBe(4);
}, 60_000);
