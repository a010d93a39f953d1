/** What a stage's process sees of the accelerators; the machine's are made up. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { localExecutor } from "../../src/runner/executors/local.ts";
import { ResourceScheduler } from "../../src/runner/resource-queue.ts";

const directory = mkdtempSync(join(tmpdir(), "accelerators-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Says which devices it sees, and ends when its runner has heard it. */
const stageProcess = join(directory, "stage.mjs");
writeFileSync(
  stageProcess,
  `console.log(process.env.CUDA_VISIBLE_DEVICES ?? "all");
   process.on("message", () => process.send({ type: "done", outputs: {} }, () => process.exit(0)));
   process.send({ type: "ready" });`,
);

test("of two accelerators each of two stages sees its own, and one that asks for none is told of none", async () => {
  const executor = localExecutor({
    store: { makeWorkDirectory: () => Promise.resolve(directory) },
    stageProcess,
    watchdog: "",
    projectRoot: directory,
    jobs: 4,
  });
  const scheduler = new ResourceScheduler({ cpus: 4, memoryBytes: 1, accelerators: 2 });
  // Every stage holds what it was granted until all of them run.
  let release = (): void => undefined;
  const together = new Promise<void>((resolve) => (release = resolve));
  let running = 0;
  const see = (stage: string, accelerators: number) =>
    scheduler.run({ accelerators }, async (grant) => {
      if (++running === 3) release();
      await together;
      const lines: string[] = [];
      const child = await executor.launch({
        stage,
        fingerprint: stage,
        runId: "run",
        resources: {},
        grant,
        env: { PATH: process.env["PATH"] },
        job: {
          module: "",
          exportName: "",
          params: {},
          inputs: {},
          outputs: {},
          checkpointDirectory: "",
          checkpointMark: "",
          downloadsDirectory: "",
        },
        onReport: () => undefined,
        onLine: (_stream, line) => lines.push(line),
      });
      expect(await child.result).toMatchObject({ outcome: "done" });
      return lines;
    });
  const [first, second, plain] = await Promise.all([see("a", 1), see("b", 1), see("c", 0)]);
  expect([first, second]).toEqual([["0"], ["1"]]);
  expect(plain).toEqual(["all"]);
});
