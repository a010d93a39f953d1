/** Watching as a process: what it runs again after an edit, and what it leaves alone. */
import { createInterface } from "node:readline";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RunnerEvent } from "../../../src/runner/event.ts";
import type { PlannedStage } from "../../../src/runner/plan-types.ts";
import { packageRoot, Project } from "../../runner/project.ts";

type WatchEvent =
  | RunnerEvent
  | {
      readonly type: "watch-plan";
      readonly changed: readonly string[];
      readonly stale: readonly PlannedStage[];
    }
  | { readonly type: "watch-error"; readonly message: string };
type EventOf<T> = Extract<WatchEvent, { type: T }>;

/** Waits for events one after the other, so that no wait sees what came before. */
class Watching {
  readonly process;
  readonly seen: WatchEvent[] = [];
  readonly #lines: AsyncIterator<string>;

  constructor(root: string, targets: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.process = execa(
      process.execPath,
      [join(packageRoot, "bin/pipeline.js"), "watch", ...targets, "--json"],
      { cwd: root, env, reject: false, stdin: "ignore", buffer: { stdout: false } },
    );
    this.#lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  async next<T extends WatchEvent["type"]>(
    type: T,
    wanted: (event: EventOf<T>) => boolean = () => true,
  ): Promise<EventOf<T>> {
    for (;;) {
      const line = await this.#lines.next();
      if (line.done === true) throw new Error(`it ended before ${type}: ${(await this.process).stderr}`);
      const event = JSON.parse(line.value) as WatchEvent;
      this.seen.push(event);
      if (event.type === type && wanted(event as EventOf<T>)) return event as EventOf<T>;
    }
  }

  async end(): Promise<number | undefined> {
    this.process.kill("SIGINT");
    while ((await this.#lines.next()).done !== true);
    return (await this.process).exitCode;
  }
}

let project: Project;
let watching: Watching | undefined;
beforeEach(() => {
  project = new Project();
});
afterEach(async () => {
  await watching?.end();
  project.remove();
});

const ids = ({ stale }: EventOf<"watch-plan">): string[] => stale.map(({ id }) => id);

test("an edit runs exactly what it makes stale; a mistake is told, and watching goes on", async () => {
  project.write("data/story.txt", "once");
  project.edit("stages/side.ts", 'name: "side",', 'name: "side", files: () => ["data"],');
  watching = new Watching(project.root, []);
  expect(ids(await watching.next("watch-plan"))).toEqual(["words", "count", "report", "side"]);
  await watching.next("run-finished");
  project.executed();

  project.edit("src/three.ts", "value * 3", "value * 4");
  const source = await watching.next("watch-plan");
  expect(source.changed).toEqual(["src/three.ts"]);
  expect(source.stale[0]?.reasons[0]?.message).toBe("source file src/three.ts changed");
  expect(await watching.next("run-finished")).toMatchObject({ executed: 3, hits: 1 });
  expect(project.executed()).toEqual(["words", "count from 0", "report"]);

  project.write("data/more.txt", "upon a time");
  const data = await watching.next("watch-plan");
  expect(data.changed).toEqual(["data/more.txt"]);
  expect(ids(data)).toEqual(["side"]);
  await watching.next("run-finished");
  expect(project.executed()).toEqual(["side"]);

  project.edit("src/three.ts", "value * 4", "value * (4");
  expect((await watching.next("watch-error")).message).toContain("src/three.ts:1:");
  project.edit("src/three.ts", "value * (4", "value * 4 /* four */");
  expect(ids(await watching.next("watch-plan"))).toEqual([]);

  project.write("configs/test.yaml", "words:\n  count: 3\nreport:\n  title: again\n");
  expect(ids(await watching.next("watch-plan"))).toEqual(["report"]);
  await watching.next("run-finished");
  expect(project.executed()).toEqual(["report"]);
  expect(await watching.end()).toBe(130);
}, 180_000);

test("an edit during a run stops only what it makes worthless, one run at a time, and what was done resumes", async () => {
  watching = new Watching(project.root, ["report"], { HANG_AT: "3" });
  const atStep = (step: number) => (event: EventOf<"stage-checkpoint">) => event.step === step;
  await watching.next("stage-checkpoint", atStep(3));
  project.executed();

  // The stage that runs is still wanted: it goes on.
  project.write("configs/test.yaml", "words:\n  count: 3\nreport:\n  title: again\n");
  expect((await watching.next("watch-plan")).changed).toEqual(["configs/test.yaml"]);
  // What it is made of changes: another run makes the new one.
  project.write("configs/test.yaml", "words:\n  count: 5\n");
  expect(ids(await watching.next("watch-plan"))).toContain("words");
  expect(await watching.next("stage-interrupted")).toMatchObject({ stage: "count", checkpointStep: 3 });
  await watching.next("stage-checkpoint", atStep(3));
  expect(project.executed()).toEqual(["words", "count from 0"]);
  // And back: the first one goes on from its checkpoint.
  project.write("configs/test.yaml", "words:\n  count: 3\n");
  await watching.next("stage-interrupted");
  expect(await watching.next("run-finished", ({ status }) => status === "succeeded")).toMatchObject({
    executed: 2,
  });
  expect(project.executed()).toEqual(["count from 3", "report"]);

  const turns = watching.seen.map(({ type }) => type).filter((type) => /^run-/.test(type));
  expect(turns).toEqual(turns.map((_, index) => (index % 2 === 0 ? "run-started" : "run-finished")));
  expect(await watching.end()).toBe(130);
}, 180_000);
