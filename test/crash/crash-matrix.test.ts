/**
 * kill -9 at every step of the commit protocol. The small form takes one point of each kind. CRASH_MATRIX=full takes
 * a seeded sample of every phase and random times, CRASH_MATRIX=every every point and every way to die there.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { everyKill, sampleKills, seededDraws } from "./choose-kills.ts";
import { complaintsAfter } from "./matrix.ts";
import { CrashRig, digestsOf, type Digests, type Ended, type Fault, type FaultPoint } from "./rig.ts";

const FORM = process.env["CRASH_MATRIX"];
const SMALL = FORM === undefined;
const SAMPLED_KILLS = 220;
/** Of processes that died; a run may end before a kill at a random time. */
const LEAST_KILLS = 200;
const RANDOM_KILLS = 50;
const SEED = Number(process.env["CRASH_SEED"] ?? "1");

/** Each with a project of its own: a kill takes seconds, most of them spent in waiting. */
const rigs = Array.from(
  { length: SMALL ? 1 : Number(process.env["CRASH_RIGS"] ?? "2") },
  () => new CrashRig(),
);
const rig = rigs[0] as CrashRig;
let undisturbed: Digests;
let points: readonly FaultPoint[];
let compilePoints: readonly FaultPoint[];
let undisturbedMs: number;

beforeAll(async () => {
  compilePoints = (await rig.count()).points.filter(({ label }) => label.includes(" cache/compiled"));
  // Sources that were young when they were compiled are looked at once more, and noted: then runs are alike.
  await new Promise((resolve) => setTimeout(resolve, 2500));
  rig.reset();
  await rig.count();
  rig.reset();
  const begin = performance.now();
  const { ended, points: all } = await rig.count();
  undisturbedMs = performance.now() - begin;
  expect(ended.exitCode).toBe(0);
  undisturbed = digestsOf(ended.events);
  points = all;
}, 300_000);
afterAll(() => rigs.forEach(({ project }) => project.remove()));

const tally = { kills: 0, survived: 0, complaints: [] as string[] };

/** Answers the result as a line. */
async function strike(
  rig: CrashRig,
  what: string,
  strikeOnce: () => Promise<Ended>,
  compiled = false,
): Promise<string> {
  rig.reset({ compiled });
  const ended = await strikeOnce();
  const died = ended.signal === "SIGKILL" || ended.events.some((event) => event.type === "stage-failed");
  tally[died ? "kills" : "survived"]++;
  const complaints = await complaintsAfter(rig, ended, undisturbed);
  tally.complaints.push(...complaints.map((complaint) => `${what}: ${complaint}`));
  return `${what}: ${died ? "killed" : "survived"}, ${complaints.length === 0 ? "sound" : complaints.join("; ")}`;
}

const faultAt = ({ role, at }: FaultPoint, how: Fault["how"]): Fault => ({ role, at, how });

/** The first point whose label fits. */
function point(role: Fault["role"], label: RegExp): FaultPoint {
  const found = points.find((each) => each.role === role && label.test(each.label));
  if (found === undefined) throw new Error(`no point fits ${label.source}: the protocol changed`);
  return found;
}

test.runIf(SMALL).each([
  ["before an artifact's bytes are on disk", "runner", /^sync cache\/work/, "before"],
  ["between an artifact's move into the store and its commit", "runner", /^rename cache\/objects/, "after"],
  ["inside the transaction that commits", "runner", /^transaction execution/, "inside"],
  ["while the index is lengthened for a transaction", "runner", /^write cache\/index\.mdb$/, "torn"],
  ["while a line of the journal is written", "runner", /^writeFile cache\/journal\.jsonl$/, "torn"],
  ["while the journal's snapshot is written", "runner", /^writeFile cache\/journal\.jsonl\.tmp/, "torn"],
  ["between the journal's snapshot and its commit", "runner", /^rename cache\/journal/, "after"],
  ["after the commit, before anything was cleaned up", "runner", /^transaction execution/, "after"],
  ["while the work is removed", "runner", /^rm cache\/work/, "torn"],
  ["before a work directory has its owner's mark", "runner", /^mkdir cache\/work/, "after"],
  ["while the view is copied", "runner", /^copyFile cache\/work\/view/, "torn"],
  ["while a checkpoint's mark is written", "stage", /^write cache\/checkpoints\/.*next/, "torn"],
] as const)(
  "killed %s: nothing finished is lost, nothing torn is a hit (Wireit, Nx), no lock stays (Snakemake)",
  async (what, role, label, how) => {
    tally.complaints = [];
    let struck: string | undefined;
    await strike(rig, what, async () => {
      const ended = await rig.runWith(faultAt(point(role, label), how));
      struck = ended.struck;
      return ended;
    });
    expect(struck).toMatch(
      how === "after" || !label.source.startsWith("^transaction") ? label : /^transaction/,
    );
    expect(tally.complaints).toEqual([]);
  },
  180_000,
);

test.runIf(SMALL).each([
  ["while compiling", /^writeFile .*manifest\.json$/, "torn"],
  ["before the names for shells are in place", /^rename .*words\.json$/, "before"],
] as const)(
  "killed %s: the next command compiles what is not compiled, and nothing stays behind",
  async (what, label, how) => {
    tally.complaints = [];
    const found = compilePoints.find((each) => label.test(each.label));
    if (found === undefined) throw new Error(`no point fits ${label.source}: the protocol changed`);
    await strike(rig, what, () => rig.runWith(faultAt(found, how)), true);
    expect(tally.complaints).toEqual([]);
  },
  180_000,
);

test.skipIf(SMALL)(
  "killed at points of every phase and at random times, alone or with its stage",
  async () => {
    const log = (line: string): void => void process.stdout.write(`${line}\n`);
    const draw = seededDraws(SEED);
    const all = [...everyKill(compilePoints, true), ...everyKill(points, false)];
    const kills = FORM === "every" ? all : sampleKills(all, SAMPLED_KILLS, draw);
    const phases = new Set(kills.map(({ phase }) => phase)).size;
    log(
      `${kills.length} of ${all.length} kills at points, ${phases} phases, and ${RANDOM_KILLS} at random times`,
    );
    const strikes = kills.map(
      ({ what, fault, compiling }) =>
        (rig: CrashRig) =>
          strike(rig, what, () => rig.runWith(fault), compiling),
    );
    for (let index = 0; index < RANDOM_KILLS; index++) {
      const afterMs = draw() * undisturbedMs;
      const args = ["run", "--json", ...(draw() < 0.5 ? ["--jobs", "1"] : [])];
      strikes.push((rig) =>
        strike(rig, `run after ${afterMs.toFixed(0)} ms`, () =>
          rig.command(args, {}, (kill) => setTimeout(kill, afterMs)),
        ),
      );
    }
    let next = 0;
    const work = async (rig: CrashRig): Promise<void> => {
      await rig.run(); // compiles
      for (let index = next++; index < strikes.length; index = next++)
        log(`${index + 1}/${strikes.length} ${(await strikes[index]?.(rig)) ?? ""}`);
    };
    await Promise.all(rigs.map(work));
    log(
      `crash matrix: ${tally.kills} kills, ${tally.survived} runs that ended before theirs, ` +
        `${tally.complaints.length} complaints; ${phases} phases, seed ${SEED}`,
    );
    expect(tally.complaints).toEqual([]);
    expect(tally.kills).toBeGreaterThanOrEqual(LEAST_KILLS);
  },
  14_400_000,
);
