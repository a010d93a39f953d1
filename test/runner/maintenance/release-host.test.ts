import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RunMark } from "../../../src/runner/live-runs.ts";
import { thisProcess } from "../../../src/std/process-identity.ts";
import { openStore } from "../../../src/store/open-store.ts";
import { outcomes, Project } from "../project.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => project.remove());

const elsewhere = { ...thisProcess(), host: "elsewhere", bootId: "another" };
const RUN = "20260101T000000Z-abcdef";

/** Another machine took the lock of `count`, claimed `words`, marked its run, began its work, and died. */
async function leaveBehind(): Promise<void> {
  await project.run(["words"]);
  const fingerprint = await project.with(async (session) => {
    const { stages } = await session.plan(["count"]);
    return stages.find(({ id }) => id === "count")?.fingerprint ?? "";
  });
  const store = openStore(project.root);
  const since = "2026-01-01T00:00:00.000Z";
  store.tryLock(fingerprint, { process: elsewhere, runId: RUN, stageId: "count", since });
  await store.close();
  const work = join(project.root, "cache/work/torn-12345678");
  mkdirSync(work, { recursive: true });
  writeFileSync(join(work, "owner.json"), JSON.stringify(elsewhere));
  const mark: RunMark = {
    ...{ runId: RUN, pipeline: "test", targets: [], config: "configs/test.yaml", configNamed: false },
    ...{ set: [], until: [], only: [], keepGoing: false, process: elsewhere, since },
  };
  project.write(`cache/live/${RUN}.json`, JSON.stringify(mark));
}

test("a lock of a machine that is dead: the waiting run names the command that frees it, and then goes on", async () => {
  await leaveBehind();
  await project.with(async (session) => {
    const waiting: string[] = [];
    const freed: unknown[] = [];
    const summary = await session.run(["count"], {
      onEvent: (event) => {
        if (event.type !== "stage-waiting") return;
        waiting.push(event.message);
        void session.maintenance.release("elsewhere").then((remains) => freed.push(remains));
      },
    });
    expect(waiting).toEqual([
      expect.stringContaining("on elsewhere) is making it; waiting for the result") as string,
    ]);
    expect(waiting[0]).toContain("npx pipeline clean --locks elsewhere");
    expect(outcomes(summary)).toEqual({ words: "hit", count: "executed" });
    expect(freed).toEqual([
      {
        host: "elsewhere",
        locks: [{ stage: "count", runId: RUN, since: "2026-01-01T00:00:00.000Z" }],
        claims: 0,
        runs: [RUN],
        work: ["torn-12345678"],
      },
    ]);
  });
  expect(readdirSync(join(project.root, "cache/work"))).toEqual([]);
  expect(readdirSync(join(project.root, "cache/live"))).toEqual([]);
});

test("nothing is freed of this machine, whose dead are seen, nor of one that holds nothing", async () => {
  await leaveBehind();
  await project.with(async ({ maintenance }) => {
    const { host } = thisProcess();
    expect(() => maintenance.remainsOf(host)).toThrow(
      expect.objectContaining({ code: "HOST_IS_THIS" }) as Error,
    );
    expect(() => maintenance.remainsOf("elswhere")).toThrow(
      expect.objectContaining({
        code: "HOST_UNKNOWN",
        hint: expect.stringContaining("elsewhere") as string,
      }) as Error,
    );
    await expect(maintenance.release(host)).rejects.toMatchObject({ code: "HOST_IS_THIS" });
    expect(maintenance.remainsOf("elsewhere").locks).toHaveLength(1);
  });
});
