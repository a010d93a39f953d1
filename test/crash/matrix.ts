/** One kill and all that must hold after it. Answers what did not hold, as sentences; nothing is an empty list. */
import type { RunnerEvent } from "../../src/runner/event.ts";
import { digestsOf, type CrashRig, type Digests, type Ended } from "./rig.ts";

/** What a run may warn of after a kill. */
const EXPECTED_WARNINGS = new Set(["STALE_LOCK"]);

export async function complaintsAfter(rig: CrashRig, killed: Ended, undisturbed: Digests): Promise<string[]> {
  const complaints: string[] = [];
  const expect = (holds: boolean, complaint: string): void => {
    if (!holds) complaints.push(complaint);
  };
  await rig.untilNobodyLives();
  rig.project.executed();
  rig.age();

  const report = await rig.check();
  const damage = report.problems.filter(({ severity }) => severity === "damage");
  expect(report.ok && damage.length === 0, `check --deep: ${JSON.stringify(damage)}`);

  const again = await rig.run();
  expect(
    again.exitCode === 0,
    `the rerun ended with ${again.exitCode}: ${again.stderr} ${again.stdout.slice(-1500)}`,
  );
  const digests = digestsOf(again.events);
  expect(sameDigests(digests, undisturbed), `other digests: ${JSON.stringify(digests)}`);

  const ran = rig.project.executed();
  for (const stage of finished(killed.events))
    expect(!ran.some((line) => line.split(" ")[0] === stage), `${stage} was finished and ran again`);
  expect(new Set(ran).size === ran.length, `something ran twice: ${ran.join(", ")}`);
  const safe = lastCheckpoint(killed.events);
  const from = ran.find((line) => line.startsWith("count from "));
  if (safe !== undefined && from !== undefined)
    expect(Number(from.slice("count from ".length)) >= safe, `checkpoint ${safe} was lost: ${from}`);

  const afterwards = await rig.check();
  const ofJournal = afterwards.problems.filter(({ code }) => code.startsWith("journal-"));
  expect(ofJournal.length === 0, `journal and index disagree: ${JSON.stringify(ofJournal)}`);

  const warnings = again.events.filter((event) => event.type === "warning");
  for (const { code, message } of warnings)
    expect(EXPECTED_WARNINGS.has(code), `the rerun warned of ${code}: ${message}`);
  expect(!again.events.some(({ type }) => type === "stage-waiting"), "a stale lock blocked the rerun");
  const litter = rig.litter();
  expect(litter.length === 0, `left behind: ${litter.join(", ")}`);
  return complaints;
}

const sameDigests = (a: Digests, b: Digests): boolean =>
  JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());

const finished = (events: readonly RunnerEvent[]): string[] =>
  events.flatMap((event) => (event.type === "stage-finished" ? [event.stage] : []));

function lastCheckpoint(events: readonly RunnerEvent[]): number | undefined {
  return events.flatMap((event) => (event.type === "stage-checkpoint" ? [event.step] : [])).at(-1);
}
