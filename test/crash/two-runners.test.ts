/** Two runners of one project at once, one of them killed at a random time: the work is shared, and nothing is made twice. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunnerEvent } from "../../src/runner/event.ts";
import { seededDraws } from "./choose-kills.ts";
import { CrashRig, digestsOf, type Digests, type Ended } from "./rig.ts";

const ROUNDS = process.env["CRASH_MATRIX"] === undefined ? 3 : 12;
const SEED = Number(process.env["CRASH_SEED"] ?? "1");

const rig = new CrashRig();
let undisturbed: Digests;
let durationMs: number;

beforeAll(async () => {
  await rig.run(); // compiles
  rig.reset();
  const begin = performance.now();
  undisturbed = digestsOf((await rig.run()).events);
  durationMs = performance.now() - begin;
}, 300_000);
afterAll(() => rig.project.remove());

/** Stages that a runner finished; of the one that was killed, those of which it still could say so. */
const finished = (events: readonly RunnerEvent[]): string[] =>
  events.flatMap((event) => (event.type === "stage-finished" ? [event.stage] : []));

const started = (events: readonly RunnerEvent[]): string[] =>
  events.flatMap((event) => (event.type === "stage-started" ? [event.stage] : []));

/** Stages that it was making when it was killed. */
const cutOff = ({ events }: Ended): string[] => {
  const ended = new Set(finished(events));
  return started(events).filter((stage) => !ended.has(stage));
};

test("two runners at once: each stage is executed once in all, to the digests of one alone", async () => {
  rig.reset();
  const both = await Promise.all([rig.command(["run", "--json"]), rig.command(["run", "--json"])]);
  expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  expect(both.map(({ events }) => digestsOf(events))).toEqual([undisturbed, undisturbed]);
  expect(both.flatMap(({ events }) => finished(events)).sort()).toEqual(["count", "report", "side", "words"]);
}, 180_000);

test("one of two runners is killed at any time: the other makes what is left, to the same digests", async () => {
  const draw = seededDraws(SEED);
  for (let round = 0; round < ROUNDS; round++) {
    rig.reset();
    const [killMs, startMs] = [draw() * durationMs, draw() * durationMs];
    const killed = rig.command(["run", "--json"], {}, (kill) => setTimeout(kill, killMs));
    await new Promise((resolve) => setTimeout(resolve, startMs));
    const second = rig.command(["run", "--json"]);
    const [first, other] = await Promise.all([killed, second]);
    const what = `round ${round}, seed ${SEED}: killed after ${killMs.toFixed(0)} ms, the other began after ${startMs.toFixed(0)} ms`;

    expect([what, other.exitCode]).toEqual([what, 0]);
    expect([what, digestsOf(other.events)]).toEqual([what, undisturbed]);
    const twice = finished(other.events).filter((stage) => finished(first.events).includes(stage));
    expect([what, twice]).toEqual([what, []]);
    // What was begun twice was cut off the first time.
    const again = started(other.events).filter((stage) => started(first.events).includes(stage));
    expect([what, again.filter((stage) => !cutOff(first).includes(stage))]).toEqual([what, []]);
    await rig.untilNobodyLives();
    const report = await rig.check();
    expect([what, report.ok, (await rig.run()).exitCode]).toEqual([what, true, 0]);
  }
}, 1_800_000);
