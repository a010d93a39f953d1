import { afterEach, beforeEach, expect, test } from "vitest";
import { outcomes, Project } from "../project.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => project.remove());

test("a refactoring that changes no result costs no training run: it is accepted, and downstream stays a hit", async () => {
  await project.run();
  project.executed();
  project.edit("src/three.ts", "value * 3", "value + value + value");
  await project.with(async (session) => {
    const { accepted } = await session.maintenance.accept("words");
    expect(accepted).toMatchObject([{ stage: "words", changes: ["source file src/three.ts changed"] }]);
    expect(outcomes(await session.run())).toEqual({ words: "hit", count: "hit", report: "hit", side: "hit" });
    const why = await session.why("words");
    expect(why.execution?.acceptedFrom).toMatchObject({ fingerprint: accepted[0]?.fingerprint });
    const { nodes } = await session.lineage("words");
    expect(nodes).toContainEqual(
      expect.objectContaining({ acceptedFrom: why.execution?.acceptedFrom }) as object,
    );
    expect(await session.check({ deep: true })).toMatchObject({ ok: true, problems: [] });
    // --force undoes it.
    expect(outcomes(await session.run(["words"], { force: ["words"] }))).toEqual({ words: "executed" });
    expect((await session.why("words")).execution?.acceptedFrom).toBeUndefined();
  });
  expect(project.executed()).toEqual(["words"]);
});

test("what differs by more than its code is refused, and the param is named", async () => {
  await project.run(["report"]);
  project.edit("src/three.ts", "value * 3", "value + value + value");
  await project.with(
    async (session) => {
      await expect(session.maintenance.accept("words")).rejects.toMatchObject({
        code: "ACCEPT_REFUSED",
        kind: "user",
        message: expect.stringContaining("param count: 3 → 9") as string,
      });
    },
    { set: ["words.count=9"] },
  );
  // What it needs is not accepted yet.
  await project.with((session) =>
    expect(session.maintenance.accept("count")).rejects.toMatchObject({
      message: expect.stringContaining("input words comes from words") as string,
      hint: expect.stringContaining("accept --all") as string,
    }),
  );
});

test("accept --all takes every stage whose code alone differs, and says what must run all the same", async () => {
  await project.run();
  project.edit("src/trace.ts", 'line + "\\n"', "`${line}\\n`");
  await project.with(
    async (session) => {
      const report = await session.maintenance.accept();
      expect(report.accepted.map(({ stage }) => stage)).toEqual(["words", "count", "side"]);
      expect(report.refused).toEqual([{ stage: "report", reasons: ["param title: t → u"] }]);
      expect(await session.maintenance.accept()).toMatchObject({ accepted: [] });
    },
    { set: ["report.title=u"] },
  );
});
