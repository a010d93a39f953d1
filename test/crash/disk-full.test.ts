/**
 * A disk that is full from a chosen step on: the run says DISK_FULL and what to do, and when there is room again it
 * goes on as if nothing had been. The small form fills it at one point of each kind, CRASH_MATRIX=full at a seeded sample.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { everyKill, sampleKills, seededDraws } from "./choose-kills.ts";
import { complaintsAfter } from "./matrix.ts";
import { CrashRig, digestsOf, type Digests, type Ended, type FaultPoint } from "./rig.ts";
import { SmallDisk } from "./small-disk.ts";

const FORM = process.env["CRASH_MATRIX"];
const SAMPLED = 100;
const SEED = Number(process.env["CRASH_SEED"] ?? "1");

const disk = SmallDisk.mount(64);
const available = disk !== undefined;
let rig: CrashRig;
let points: readonly FaultPoint[];
let compilePoints: readonly FaultPoint[];
let undisturbed: Digests;

beforeAll(async () => {
  if (!disk) return;
  rig = disk.here(() => new CrashRig());
  compilePoints = (await rig.count()).points.filter(({ label }) => label.includes(" cache/compiled"));
  rig.reset();
  const { ended, points: all } = await rig.count();
  expect(ended.exitCode).toBe(0);
  undisturbed = digestsOf(ended.events);
  points = all;
}, 300_000);
afterAll(() => {
  if (!disk) return;
  rig.project.remove();
  disk.unmount();
});

/** What a run notes of itself may be lost, never what it makes. */
const LOST_NOTES = new Set(["LOG_INCOMPLETE", "EVENTS_NOT_KEPT", "RUN_NOT_RECORDED", "LOCK_KEPT"]);

function complaintsOfFullRun({ exitCode, signal, events, stderr }: Ended): string[] {
  const errors = events.flatMap((event) => (event.type === "stage-failed" ? [event.error] : []));
  const wrong = errors
    .filter(({ code, hint }) => code !== "DISK_FULL" || hint === undefined)
    .map((error) => JSON.stringify(error));
  const told = errors.length > 0 || /error DISK_FULL: .*\nhint: /.test(stderr);
  if (signal !== null) wrong.push(`it died by ${signal}`);
  if (stderr.includes("UNEXPECTED")) wrong.push(stderr);
  if (exitCode === 0 && told) wrong.push("an error, and exit code 0");
  if (exitCode !== 0 && !(told && exitCode === 1)) wrong.push(`exit code ${exitCode}: ${stderr}`);
  for (const event of events)
    if (event.type === "warning" && !LOST_NOTES.has(event.code))
      wrong.push(`${event.code}: ${event.message}`);
  return wrong;
}

async function fillAt(
  point: FaultPoint,
  compiling: boolean,
): Promise<{ ended: Ended; complaints: string[] }> {
  if (!disk) throw new Error("no disk was mounted");
  rig.reset({ compiled: compiling });
  const ended = await rig.runWith({ role: point.role, at: point.at, how: "full", fill: disk.filler });
  disk.makeRoom();
  const complaints = complaintsOfFullRun(ended);
  complaints.push(...(await complaintsAfter(rig, ended, undisturbed)));
  return { ended, complaints };
}

test.runIf(available && FORM === undefined).each([
  ["while a stage writes its artifact", "stage", /^writeFile cache\/work\/.*outputs/],
  ["while a checkpoint's mark is written", "stage", /^write cache\/checkpoints\/.*next/],
  ["while an artifact is moved into the store", "runner", /^rename cache\/objects/],
  ["while the store commits", "runner", /^transaction execution/],
  ["while the view is made", "runner", /^copyFile cache\/work\/view/],
  ["while a log is written", "runner", /^write cache\/logs\/.*words\.jsonl/],
  ["before there is an index", "runner", /^mkdir cache$/],
  ["before the index has its file of locks", "runner", /^writeFile cache\/index\.mdb-lock/],
  ["before the index has a page", "runner", /^writeFile cache\/index\.mdb\.\d/],
  ["before a run has its mark", "runner", /^mkdir cache\/live|^mkdir cache\/logs/],
] as const)(
  "a disk that is full %s: DISK_FULL, and with room again the same digests and nothing run twice",
  async (_what, role, label) => {
    const point = points.find((each) => each.role === role && label.test(each.label));
    if (point === undefined) throw new Error(`no point fits ${label.source}: the protocol changed`);
    expect((await fillAt(point, false)).complaints).toEqual([]);
  },
  180_000,
);

test.runIf(available && FORM === undefined)(
  "a disk that is full while compiling: DISK_FULL, and with room again it compiles",
  async () => {
    const point = compilePoints.find(({ label }) => /^writeFile .*manifest\.json$/.test(label));
    if (point === undefined) throw new Error("the compiler writes no manifest");
    const { ended, complaints } = await fillAt(point, true);
    expect(complaints).toEqual([]);
    expect(ended.exitCode).toBe(1);
  },
  180_000,
);

test.runIf(available && FORM !== undefined)(
  "a disk that is full from points of every phase on",
  async () => {
    const log = (line: string): void => void process.stdout.write(`${line}\n`);
    const all = [...everyKill(compilePoints, true), ...everyKill(points, false)].filter(
      ({ fault }) => fault.how === "before",
    );
    const chosen = FORM === "every" ? all : sampleKills(all, SAMPLED, seededDraws(SEED));
    const found: string[] = [];
    let failed = 0;
    for (const [index, { what, fault, compiling }] of chosen.entries()) {
      const point = { role: fault.role, at: fault.at, label: what };
      const { ended, complaints } = await fillAt(point, compiling);
      if (ended.exitCode !== 0) failed++;
      found.push(...complaints.map((complaint) => `${what}: ${complaint}`));
      log(
        `${index + 1}/${chosen.length} full ${what}: exit ${ended.exitCode}, ${complaints.join("; ") || "sound"}`,
      );
    }
    log(`disk full: ${chosen.length} runs, ${failed} failed, ${found.length} complaints, seed ${SEED}`);
    expect(found).toEqual([]);
  },
  14_400_000,
);
