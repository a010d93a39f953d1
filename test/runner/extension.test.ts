/** The role *extends*: a raised param goes on from a finished execution, to the bytes of an undisturbed one. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { thisProcess } from "../../src/std/process-identity.ts";
import { openStore } from "../../src/store/open-store.ts";
import type { RunnerEvent } from "../../src/runner/event.ts";
import type { GcReport } from "../../src/runner/maintenance-types.ts";
import { packageRoot, Project } from "./project.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
  project.write("stages/train.ts", trainStage);
  project.write("pipeline.ts", pipelineOf());
  project.write("configs/test.yaml", "steps: 10\n");
});
afterEach(() => project.remove());

/** The last fifth of the steps depends on the whole length, as the decay of a learning rate does. */
const trainStage = `
  import { existsSync, readFileSync, writeFileSync } from "node:fs";
  import { join } from "node:path";
  import { z } from "zod";
  import { defineStage } from "${packageRoot}/src/pipeline/index.ts";
  import { Total } from "../src/text.ts";
  import { trace } from "../src/trace.ts";
  const stable = (steps: number) => Math.floor(steps * 0.8);
  export const train = defineStage({
    name: "train", description: "Trains.", inputs: {}, outputs: { total: Total },
    params: z.strictObject({ steps: z.int(), rate: z.number() }),
    extension: { params: ["steps"], sharedSteps: (a, b) => Math.min(stable(a.steps), stable(b.steps)) },
    async run({ outputs, params, context }) {
      const file = join(context.checkpointDirectory, "deep", "state.json");
      const old = join(context.checkpointDirectory, "kept", "state.json");
      const { mkdirSync } = await import("node:fs");
      mkdirSync(join(context.checkpointDirectory, "deep"), { recursive: true });
      mkdirSync(join(context.checkpointDirectory, "kept"), { recursive: true });
      const from = [file, old].find((path) => existsSync(path));
      let state = from ? JSON.parse(readFileSync(from, "utf8")) : { step: 0, total: 1 };
      trace("train from " + state.step + " to " + params.steps);
      while (state.step < params.steps) {
        const step = state.step + 1;
        const rate = step <= stable(params.steps) ? params.rate : params.rate + step / params.steps;
        state = { step, total: (state.total * 31 + rate * 1000) % 1000003 };
        writeFileSync(file, JSON.stringify(state));
        if (step === stable(params.steps)) { writeFileSync(old, JSON.stringify(state)); context.checkpointed(step, ["kept"]); }
        else context.checkpointed(step);
        if (String(step) === process.env["DIE_AT"]) process.kill(process.pid, "SIGKILL");
      }
      (await outputs.total.create()).save(String(state.total));
      return { total: outputs.total.written({ total: state.total }) };
    },
  });`;

const pipelineOf = () => `
  import { z } from "zod";
  import { definePipeline } from "${packageRoot}/src/pipeline/index.ts";
  import { train } from "./stages/train.ts";
  export default definePipeline("test", z.strictObject({ steps: z.int(), rate: z.number().default(1) }), (p, config) => {
    const { total } = p.add(train, { inputs: {}, params: { ...config } });
    return { total };
  }, { defaultConfig: "configs/test.yaml" });`;

const withSteps = (steps: number, env: Record<string, string> = {}) =>
  project.run([], {}, { set: [`steps=${steps}`], env: { ...process.env, ...env } });

const totalOf = ({ stages }: Awaited<ReturnType<typeof withSteps>>) =>
  stages[0]?.outputs["total"]?.summary["total"];

test("raised steps go on from the finished run's last shared step, and give the bytes of a straight run", async () => {
  await withSteps(10);
  const plan = await project.with((session) => session.plan(), { set: ["steps=20"] });
  expect(plan.stages[0]).toMatchObject({ decision: "resume", resumeStep: 8, extends: { step: 8 } });
  expect(plan.stages[0]?.reasons.map(({ code }) => code)).toEqual(["param-changed", "extends-finished"]);

  const longer = await withSteps(20);
  expect(project.executed()).toEqual(["train from 0 to 10", "train from 8 to 20"]);
  const straight = new Project();
  try {
    for (const path of ["stages/train.ts", "pipeline.ts", "configs/test.yaml"])
      straight.write(path, project.read(path));
    const anew = await straight.run([], {}, { set: ["steps=20"] });
    expect(straight.executed()).toEqual(["train from 0 to 20"]);
    expect(totalOf(longer)).toBe(totalOf(anew));
    expect(longer.stages[0]?.outputs["total"]?.digest).toBe(anew.stages[0]?.outputs["total"]?.digest);
  } finally {
    straight.remove();
  }
});

test("lineage says what was extended, from which step, in both directions", async () => {
  await withSteps(10);
  await withSteps(20);
  const [up, down] = await project.with(
    async (session) => {
      const subject = await session.lineage("train", { direction: "up" });
      const first =
        subject.edges.find(({ type }) => type === "extended")?.from.replace("execution:", "") ?? "";
      return [subject, await session.lineage(first, { direction: "down" })];
    },
    { set: ["steps=20"] },
  );
  for (const graph of [up, down]) {
    expect(graph.edges).toContainEqual(expect.objectContaining({ type: "extended", name: "step 8" }));
    const steps = graph.nodes.flatMap((node) => (node.type === "execution" ? [node.params["steps"]] : []));
    expect(steps.sort()).toEqual([10, 20]);
  }
});

test("the chain goes on: each raise starts from the furthest shared step of any earlier run", async () => {
  for (const steps of [10, 20, 30]) await withSteps(steps);
  expect(project.executed()).toEqual(["train from 0 to 10", "train from 8 to 20", "train from 16 to 30"]);
  await withSteps(12); // 10's step 8 is shared, 20's step 16 is not
  expect(project.executed()).toEqual(["train from 8 to 12"]);
});

test("any other change begins anew, and so does --force", async () => {
  await withSteps(10);
  project.executed();
  await project.run([], {}, { set: ["steps=20", "rate=2"] });
  expect(project.executed()).toEqual(["train from 0 to 20"]);
  await project.run([], { force: ["train"] }, { set: ["steps=20"] });
  expect(project.executed()).toEqual(["train from 0 to 20"]);
});

test("without what was kept it begins anew", async () => {
  await withSteps(10);
  const { rmSync } = await import("node:fs");
  rmSync(join(project.root, "cache/continuations"), { recursive: true });
  await withSteps(20);
  expect(project.executed()).toEqual(["train from 0 to 10", "train from 0 to 20"]);
});

test("a collection while it waits to begin leaves it what it goes on from", async () => {
  const first = await withSteps(10);
  const made = first.events.flatMap((event) => (event.type === "stage-finished" ? [event.fingerprint] : []));
  const planned = await project.with((session) => session.plan(), { set: ["steps=20"] });
  await withSteps(5); // now the latest of its stage: nothing but the waiting run needs the first one
  const store = openStore(project.root);
  const key = planned.stages[0]?.fingerprint ?? "";
  const holder = {
    process: thisProcess(),
    runId: "other",
    stageId: "train",
    since: new Date().toISOString(),
  };
  store.tryLock(key, holder);
  let collected: Promise<GcReport> | undefined;
  const collect = async (): Promise<GcReport> => {
    try {
      return await project.with((session) => session.maintenance.gc({ unreferenced: true }), {
        set: ["steps=5"],
      });
    } finally {
      store.unlock(key, thisProcess());
    }
  };
  const onEvent = ({ type }: RunnerEvent): void => {
    if (type === "stage-waiting") collected = collect();
  };
  const run = await project.run([], { onEvent }, { set: ["steps=20"] });
  expect(await collected).toMatchObject({ items: [] });
  await store.close();
  expect(run.status).toBe("succeeded");
  expect(project.executed()).toEqual(["train from 0 to 10", "train from 0 to 5", "train from 8 to 20"]);
  // Once nobody needs it any more it goes, with what it left, and nothing goes on from it.
  const after = await project.with((session) => session.maintenance.gc({ unreferenced: true }), {
    set: ["steps=5"],
  });
  expect(after.items.map(({ kind }) => kind)).toEqual(["execution", "continuation"]);
  expect(existsSync(join(project.root, "cache/continuations", made[0] ?? ""))).toBe(false);
});

test("an extended run that is killed resumes from its own checkpoint and still says what it extended", async () => {
  await withSteps(10);
  await withSteps(20, { DIE_AT: "12" });
  await withSteps(20);
  expect(project.executed()).toEqual(["train from 0 to 10", "train from 8 to 20", "train from 12 to 20"]);
  const why = await project.with((session) => session.why("train"), { set: ["steps=20"] });
  expect(why.execution).toMatchObject({ resumedFrom: [12], extended: { step: 8 } });
  expect(readdirSync(join(project.root, "cache/checkpoints"))).toEqual([]);
  expect(
    existsSync(join(project.root, "cache/continuations", why.fingerprint ?? "", "step-16", "kept")),
  ).toBe(true);
});
