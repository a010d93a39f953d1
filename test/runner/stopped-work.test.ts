/** A setting that is changed while a stage is stopped loses nobody's steps unsaid: plan, why and run tell of the checkpoint. */
import { existsSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { RunnerEvent } from "../../src/runner/event.ts";
import type { SessionOptions } from "../../src/runner/session-types.ts";
import { Project } from "./project.ts";

let project: Project;
beforeAll(async () => {
  project = new Project();
  await project.compile();
});
beforeEach(() => project.forget());
afterAll(() => project.remove());

/** Stops `count` after its second step. */
async function stop(set: readonly string[] = []): Promise<RunnerEvent[]> {
  const controller = new AbortController();
  const { events, status } = await project.run(
    ["count"],
    {
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type === "stage-checkpoint" && event.step === 2) controller.abort();
      },
    },
    { set, env: { ...process.env, HANG_AT: "2" } },
  );
  expect(status).toBe("interrupted");
  project.executed();
  return events;
}

const planned = async (options: Partial<SessionOptions> = {}) =>
  (await project.with((session) => session.plan(["count"]), options)).stages.find(({ id }) => id === "count");
const warnings = (events: readonly RunnerEvent[]) =>
  events.flatMap((event) => (event.type === "warning" ? [[event.code, event.stage, event.message]] : []));
const checkpoints = () => join(project.root, "cache/checkpoints");

const OTHER = { set: ["count.schedule.rate=2"] };
const told =
  "a checkpoint of step 2 of 5 belongs to another recipe and stays behind (begun with configs/test.yaml, param schedule.rate: 1 → 2); with --set count.schedule.rate=1, the stage goes on from it";

test("plan and why tell what another setting leaves behind, run says it once, and the way back goes on from the step", async () => {
  expect(warnings(await stop())).toEqual([]);
  expect(await planned()).not.toHaveProperty("leaves");

  const stage = await planned(OTHER);
  expect(stage).toMatchObject({
    decision: "run",
    leaves: [
      {
        step: 2,
        total: 5,
        config: "configs/test.yaml",
        differences: [{ code: "param-changed", field: "schedule.rate", old: 1, new: 2 }],
        settings: ["count.schedule.rate=1"],
        message: told,
      },
    ],
  });
  expect(await project.with((session) => session.why("count"), OTHER)).toMatchObject({
    leaves: [{ message: told }],
  });

  const { events } = await project.run(["count"], {}, OTHER);
  expect(warnings(events)).toEqual([["CHECKPOINT_LEFT", "count", told]]);
  const kinds = events.map(({ type }) => type);
  expect(kinds.indexOf("warning")).toBe(kinds.lastIndexOf("stage-started") + 1);
  expect(project.executed()).toEqual(["count from 0"]);

  const back = await project.run(["count"], {}, { set: stage?.leaves?.[0]?.settings ?? [] });
  expect(warnings(back.events)).toEqual([]);
  expect(project.executed()).toEqual(["count from 2"]);
});

test("a stage whose input is not known yet is told of when it begins, by what then differs", async () => {
  await stop();
  const changed = { set: ["words.count=4"] };
  expect(await planned(changed)).toMatchObject({
    fingerprint: null,
    leaves: [
      { differences: [], message: expect.stringContaining("if input words comes out as it was") as string },
    ],
  });
  const { events } = await project.run(["count"], {}, changed);
  expect(warnings(events)).toEqual([
    [
      "CHECKPOINT_LEFT",
      "count",
      expect.stringMatching(/input words: [0-9a-f]{12} → [0-9a-f]{12}\); with what was before/) as string,
    ],
  ]);
});

test("a checkpoint that an input turns out to fit is gone on from, and nothing is left", async () => {
  await stop(["words.parity=true"]);
  // Five times three is as odd as three times three.
  const same = { set: ["words.parity=true", "words.count=5"] };
  const { events } = await project.run(["count"], {}, same);
  expect(warnings(events)).toEqual([]);
  expect(project.executed()).toEqual(["words", "count from 2"]);
});

test("a stage that goes on further than the other checkpoint leaves nothing behind", async () => {
  await stop();
  await stop(OTHER.set);
  expect(await planned()).toMatchObject({ decision: "resume", resumeStep: 2 });
  expect(await planned()).not.toHaveProperty("leaves");
});

test("a checkpoint that a run works on is no stopped work", async () => {
  let during: Awaited<ReturnType<typeof planned>>;
  const { status } = await project.run(
    ["count"],
    {
      onEvent: (event) => {
        if (event.type === "stage-checkpoint" && event.step === 2)
          void planned(OTHER).then((stage) => {
            during = stage;
            project.write("seen", "");
          });
      },
    },
    { env: { ...process.env, WAIT_AT: "2", WAIT_FOR: join(project.root, "seen") } },
  );
  rmSync(join(project.root, "seen"));
  expect(status).toBe("succeeded");
  expect(during).toMatchObject({ decision: "run" });
  expect(during).not.toHaveProperty("leaves");
});

test.each([
  ["is not there", (path: string) => rmSync(path)],
  ["is torn", (path: string) => writeFileSync(path, '{"formatVersion":1,"stageId":"count"')],
  ["is of another version", (path: string) => writeFileSync(path, '{"formatVersion":2}')],
])(
  "where what a checkpoint was begun for %s, nothing is told and it resumes all the same",
  async (_, spoil) => {
    await stop();
    const [fingerprint = ""] = readdirSync(checkpoints());
    spoil(join(checkpoints(), fingerprint, "recipe.json"));
    expect(await planned(OTHER)).not.toHaveProperty("leaves");
    expect(await planned()).toMatchObject({ decision: "resume", resumeStep: 2 });
  },
);

test("gc takes a checkpoint of another recipe by its age, and one without a step at any age", async () => {
  await stop();
  const [fingerprint = ""] = readdirSync(checkpoints());
  const kept = join(checkpoints(), fingerprint);
  const collected = () => project.with((session) => session.maintenance.gc({ dryRun: true }), OTHER);
  expect((await collected()).items).toEqual([]);

  const age = (path: string) => utimesSync(path, 0, 0);
  for (const name of ["data/state.json", "checkpoint.json", "recipe.json", "data", ""]) age(join(kept, name));
  const { items } = await collected();
  expect(items).toMatchObject([{ kind: "checkpoint", name: fingerprint }]);
  expect(items[0]?.bytes).toBeGreaterThan(500); // with what it was begun for

  for (const name of ["data/state.json", "checkpoint.json"]) rmSync(join(kept, name));
  writeFileSync(join(kept, "recipe.json"), "{}");
  expect(existsSync(join(kept, "data"))).toBe(true);
  expect((await collected()).items).toMatchObject([{ kind: "checkpoint", name: fingerprint, bytes: 2 }]);
});
