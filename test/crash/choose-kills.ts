/** Which kills the long form of the crash matrix makes: all there are, or a seeded sample with some of every phase. */
import type { Fault, FaultPoint } from "./rig.ts";

export interface Kill {
  /** e.g. `runner 41 rename cache/objects/… after`. */
  readonly what: string;
  /** The kind of call and the folder that it changes, in which process. */
  readonly phase: string;
  readonly fault: Fault;
  /** What is compiled is thrown away first, so that the run compiles. */
  readonly compiling: boolean;
}

const waysToDie = ({ label }: FaultPoint): Fault["how"][] => [
  "before",
  ...(/^(write|writeFile|copyFile|rm) /.test(label) ? (["torn"] as const) : []),
  ...(label.startsWith("transaction") ? (["inside"] as const) : []),
  "after",
];

/** Every point, in every way to die there. A stage dies at every second point together with its runner. */
export function everyKill(points: readonly FaultPoint[], compiling: boolean): Kill[] {
  return points.flatMap((point, index) =>
    waysToDie(point).map((how): Kill => {
      const { role, at, label } = point;
      const both = role === "stage" && index % 2 === 0;
      return {
        what: `${role}${both ? " and its runner" : ""} ${at} ${label} ${how}`,
        phase: `${compiling ? "compiling" : role} ${label.split("/").slice(0, 2).join("/")}`,
        fault: { role, at, how, both },
        compiling,
      };
    }),
  );
}

/** `count` of them, one of each phase in turn until a phase has no more. */
export function sampleKills(kills: readonly Kill[], count: number, draw: () => number): Kill[] {
  const phases = new Map<string, Kill[]>();
  for (const kill of shuffled(kills, draw)) phases.set(kill.phase, [...(phases.get(kill.phase) ?? []), kill]);
  const chosen: Kill[] = [];
  while (chosen.length < Math.min(count, kills.length))
    for (const left of phases.values()) {
      const kill = chosen.length < count ? left.pop() : undefined;
      if (kill !== undefined) chosen.push(kill);
    }
  return chosen;
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[], draw: () => number): T[] {
  const all = [...items];
  for (let left = all.length; left > 1;) {
    const chosen = Math.floor(draw() * left--);
    [all[left], all[chosen]] = [all[chosen] as T, all[left] as T];
  }
  return all;
}

/** Marsaglia, Xorshift RNGs, Journal of Statistical Software 8 (2003): the same kills for the same seed. */
export function seededDraws(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
