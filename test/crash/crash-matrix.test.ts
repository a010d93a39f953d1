/**
 * kill -9 at every step of the commit protocol. The small form takes one point of each kind; the full one
 * (CRASH_MATRIX=full) takes every point, every way to die there, and random times.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { complaintsAfter } from "./matrix.ts";
import { CrashRig, digestsOf, type Digests, type Ended, type Fault, type FaultPoint } from "./rig.ts";

const FULL = process.env["CRASH_MATRIX"] === "full";
const RANDOM_KILLS = 80;
const SEED = Number(process.env["CRASH_SEED"] ?? "1");

const rig = new CrashRig();
let undisturbed: Digests;
let points: readonly FaultPoint[];
let compilePoints: readonly FaultPoint[];
let undisturbedMs: number;

beforeAll(async () => {
  compilePoints = (await rig.count()).points.filter(({ label }) => label.includes(" cache/compiled"));
  rig.reset();
  const begin = performance.now();
  const { ended, points: all } = await rig.count();
  undisturbedMs = performance.now() - begin;
  expect(ended.exitCode).toBe(0);
  undisturbed = digestsOf(ended.events);
  points = all;
}, 300_000);
afterAll(() => rig.project.remove());

const tally = { kills: 0, survived: 0, complaints: [] as string[] };

async function strike(what: string, strikeOnce: () => Promise<Ended>, compiled = false): Promise<void> {
  rig.reset({ compiled });
  const ended = await strikeOnce();
  const died = ended.signal === "SIGKILL" || ended.events.some((event) => event.type === "stage-failed");
  tally[died ? "kills" : "survived"]++;
  const complaints = await complaintsAfter(rig, ended, undisturbed);
  tally.complaints.push(...complaints.map((complaint) => `${what}: ${complaint}`));
}

const faultAt = ({ role, at }: FaultPoint, how: Fault["how"]): Fault => ({ role, at, how });

/** The first point whose label fits. */
function point(role: Fault["role"], label: RegExp): FaultPoint {
  const found = points.find((each) => each.role === role && label.test(each.label));
  if (found === undefined) throw new Error(`no point fits ${label.source}: the protocol changed`);
  return found;
}

test.skipIf(FULL).each([
  ["before an artifact's bytes are on disk", "runner", /^sync cache\/work/, "before"],
  ["between an artifact's move into the store and its commit", "runner", /^rename cache\/objects/, "after"],
  ["inside the transaction that commits", "runner", /^transaction execution/, "inside"],
  ["after the commit, before anything was cleaned up", "runner", /^transaction execution/, "after"],
  ["while the work is removed", "runner", /^rm cache\/work/, "torn"],
  ["before a work directory has its owner's mark", "runner", /^mkdir cache\/work/, "after"],
  ["while the view is copied", "runner", /^copyFile artifacts/, "torn"],
  ["while a checkpoint's mark is written", "stage", /^write cache\/checkpoints\/.*next/, "torn"],
] as const)(
  "killed %s: nothing finished is lost, nothing torn is a hit (Wireit, Nx), no lock stays (Snakemake)",
  async (what, role, label, how) => {
    tally.complaints = [];
    let struck: string | undefined;
    await strike(what, async () => {
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

test.skipIf(FULL)(
  "killed while compiling: the next command compiles, and nothing stays behind",
  async () => {
    tally.complaints = [];
    const manifest = compilePoints.find(({ label }) => /^writeFile .*manifest\.json$/.test(label));
    expect(manifest).toBeDefined();
    if (manifest) await strike(manifest.label, () => rig.runWith(faultAt(manifest, "torn")), true);
    expect(tally.complaints).toEqual([]);
  },
  180_000,
);

const waysToDie = ({ label }: FaultPoint): Fault["how"][] => [
  "before",
  ...(/^(write|writeFile|copyFile|rm) /.test(label) ? (["torn"] as const) : []),
  ...(label.startsWith("transaction") ? (["inside"] as const) : []),
  "after",
];

/** Marsaglia, Xorshift RNGs, Journal of Statistical Software 8 (2003): the same kills for the same seed. */
function* random(seed: number): Generator<number> {
  for (let state = seed | 1; ;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield (state >>> 0) / 2 ** 32;
  }
}

test.runIf(FULL)(
  "killed at every point and at random times, alone or with its stage",
  async () => {
    const log = (line: string): void => void process.stdout.write(`${line}\n`);
    for (const point of compilePoints)
      for (const how of waysToDie(point))
        await strike(
          `compile ${point.at} ${point.label} ${how}`,
          () => rig.runWith(faultAt(point, how)),
          true,
        );
    log(`compile points done: ${JSON.stringify(tally)}`);
    for (const [index, point] of points.entries()) {
      // What one stage does at a point all stages do: of every kind in full, of the rest one way each.
      const ways = waysToDie(point);
      const chosen =
        index < 60 || point.label.startsWith("transaction") ? ways : [ways[index % ways.length] ?? "after"];
      for (const how of chosen)
        await strike(`${point.role} ${point.at} ${point.label} ${how}`, () =>
          rig.runWith({ ...faultAt(point, how), both: point.role === "stage" && index % 2 === 0 }),
        );
      if (index % 20 === 0) log(`${index} of ${points.length} points: ${JSON.stringify(tally)}`);
    }
    const numbers = random(SEED);
    const draw = (): number => numbers.next().value as number;
    for (let index = 0; index < RANDOM_KILLS; index++) {
      const afterMs = draw() * undisturbedMs;
      await strike(`random ${index} after ${afterMs.toFixed(0)} ms`, () =>
        rig.command(["run", "--json", ...(draw() < 0.5 ? ["--jobs", "1"] : [])], {}, (kill) =>
          setTimeout(kill, afterMs),
        ),
      );
    }
    log(
      `crash matrix: ${tally.kills} kills, ${tally.survived} runs that ended before theirs, ${tally.complaints.length} complaints; ` +
        `${compilePoints.length} + ${points.length} points, seed ${SEED}`,
    );
    expect(tally.complaints).toEqual([]);
  },
  14_400_000,
);
