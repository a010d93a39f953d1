/**
 * A process that is killed by SIGKILL while it rolls back, around the record of the rollback, while it restores and right after:
 * run again, it leaves the bytes of one that was let be.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { compileProcess } from "../compiled-process.ts";
import { openExecutor } from "../model/executors.ts";
import { spoilt, trainGuarded } from "./spikes.ts";
import { createRig, rigIn, type Rig } from "./training-rig.ts";

/** Counts, logs and kills at calls that change files below `cache`. */
const preload = pathToFileURL(join(import.meta.dirname, "../crash/fault-points.js")).href;

interface Victim extends AsyncDisposable {
  readonly root: string;
  readonly rig: Rig;
}

async function createVictim(): Promise<Victim> {
  const root = await mkdtemp(join(tmpdir(), "rollback-"));
  await mkdir(join(root, "cache"));
  return {
    root,
    rig: rigIn(join(root, "cache")),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  };
}

test("SIGKILL at any point of a rollback, then run: the same bytes", async () => {
  using script = await compileProcess(join(import.meta.dirname, "rollback-process.ts"));
  const run = async (
    { root, rig }: Victim,
    call: number | undefined,
    faults: Readonly<Record<string, string>>,
  ) => {
    const child = spawn(
      process.execPath,
      [script.path, rig.folder, ...(call === undefined ? [] : [String(call)])],
      {
        stdio: ["ignore", "pipe", "inherit"],
        env: {
          ...process.env,
          NODE_OPTIONS: `--import=${preload}`,
          FAULT_ROOT: root,
          FAULT_ROLE: "runner",
          ...faults,
        },
      },
    );
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    await once(child, "close");
    return { signal: child.signalCode, output };
  };

  await using counted = await createVictim();
  const log = join(counted.root, "points.txt");
  const calls = Number((await run(counted, undefined, { FAULT_LOG: log })).output);
  expect(calls).toBeGreaterThan(60);
  const labels = (await readFile(log, "utf8")).split("\n");
  const record = labels.findIndex((label) => label.includes("open cache/checkpoints/rollbacks.json"));
  // From what lies before the record to the first checkpoint behind it: mkdir, open, sync, rename, sync, then others.
  expect(labels[record + 2]).toContain("rename cache/checkpoints/rollbacks.json");
  const kills = [
    ...Array.from({ length: 7 }, (_, after) => ({ FAULT_AT: String(record + after), FAULT_HOW: "before" })),
    // The spike's step, the way back, the first steps on it.
    ...Array.from({ length: 8 }, (_, part) => Math.floor((part * calls) / 8)),
  ];

  const engine = await openExecutor("wasm");
  await using straight = await createRig();
  const expected = await trainGuarded(engine, straight, { source: spoilt([4]) });
  for (const kill of kills) {
    await using victim = await createVictim();
    const { signal } =
      typeof kill === "number" ? await run(victim, kill, {}) : await run(victim, undefined, kill);
    expect([kill, signal]).toEqual([kill, "SIGKILL"]);
    const found = await trainGuarded(engine, victim.rig, { source: spoilt([4]) });
    expect([kill, found]).toEqual([kill, expected]);
  }
}, 300_000);
