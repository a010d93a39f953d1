import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Project } from "../project.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => project.remove());

test("a stage that gives the same bytes again is equal, and the store is as it was", async () => {
  await project.run(["count"]);
  project.executed();
  await project.with(async (session) => {
    const before = await session.status();
    expect(await session.maintenance.verify("count")).toMatchObject({
      stage: "count",
      equal: true,
      outputs: [{ output: "total", differences: [] }],
    });
    expect((await session.status()).stages).toEqual(before.stages);
    await expect(session.maintenance.verify("report")).rejects.toMatchObject({ code: "VERIFY_NOT_CACHED" });
  });
  expect(project.executed()).toEqual(["count from 0"]); // from the beginning, not from a checkpoint
  expect(readdirSync(join(project.root, "cache/work"))).toEqual([]);
  expect(readdirSync(join(project.root, "cache/checkpoints"))).toEqual([]);
});

test("a stage that is not deterministic is found out: file, byte and key", async () => {
  project.edit(
    "stages/side.ts",
    'writeFileSync(join(outputs.side.directory, "value.txt"), params.mode);',
    `writeFileSync(join(outputs.side.directory, "value.txt"), params.mode);
        writeFileSync(join(outputs.side.directory, "scores.json"), JSON.stringify({ same: 1, loss: [0, process.hrtime.bigint().toString()] }));
        writeFileSync(join(outputs.side.directory, "at-" + process.pid), "");`,
  );
  await project.run(["side"]);
  await project.with(async (session) => {
    const report = await session.maintenance.verify("side");
    expect(report.equal).toBe(false);
    const [{ differences } = { differences: [] }] = report.outputs;
    expect(differences.map(({ how }) => how).sort()).toEqual(["differs", "only-again", "only-stored"]);
    const scores = differences.find(({ path }) => path === "scores.json");
    expect(scores).toMatchObject({ key: "loss.1" });
    expect(scores?.offset).toBeGreaterThanOrEqual('{"same":1,"loss":[0,"'.length);
  });
  expect(existsSync(join(project.root, "artifacts/side/side/scores.json"))).toBe(true);
});

test("a stage that fails the second time says what it failed of, and its result stays", async () => {
  project.edit(
    "stages/side.ts",
    'trace("side");',
    'trace("side"); if (process.env["FAIL"]) throw new Error("not again");',
  );
  await project.run(["side"]);
  const env = { ...process.env, FAIL: "1" };
  await project.with((session) => expect(session.maintenance.verify("side")).rejects.toThrow("not again"), {
    env,
  });
  expect((await project.run(["side"])).hits).toBe(1);
});
