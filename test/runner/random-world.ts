/**
 * Random DAGs, random edits of them, and an oracle that says what must run by computing everything anew; it shares no
 * code with the planner.
 */
import fc from "fast-check";

/** Everything of a stage that an edit may change; `comment` and `workers` decide nothing. */
export interface StageState {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly helpers: readonly number[];
  readonly body: number;
  readonly value: number;
  /** Results are taken modulo this: a small one makes early cutoffs. */
  readonly modulus: number;
  readonly workers: number;
  readonly comment: number;
  /** An environment fact, where the stage declares one. */
  readonly fact?: number;
}

export interface World {
  /** By id, in topological order. Ids that share a name, inputs and params are equal work. */
  readonly stages: ReadonlyMap<string, StageState>;
  readonly helpers: readonly number[];
}

const HELPERS = 3;

export const worlds: fc.Arbitrary<World> = fc
  .array(
    fc.record({
      inputs: fc.array(fc.nat(100), { maxLength: 3 }),
      helpers: fc.uniqueArray(fc.nat(HELPERS - 1), { maxLength: 2 }),
      modulus: fc.constantFrom(2, 3, 1_000_003),
      declaresFact: fc.boolean(),
      twin: fc.nat(9).map((number) => number === 0),
    }),
    { minLength: 5, maxLength: 15 },
  )
  .map((drawn) => {
    const stages = new Map<string, StageState>();
    for (const [index, { inputs, helpers, modulus, declaresFact, twin }] of drawn.entries()) {
      const before = [...stages.keys()];
      const last = before.at(-1);
      const lastState = last === undefined ? undefined : stages.get(last);
      if (twin && lastState) {
        stages.set(`s${index}`, lastState);
        continue;
      }
      const chosen = before.length === 0 ? [] : inputs.map((pick) => before[pick % before.length] ?? "");
      stages.set(`s${index}`, {
        name: `n${index}`,
        inputs: [...new Set(chosen)],
        helpers,
        body: 0,
        value: 1,
        modulus,
        workers: 1,
        comment: 0,
        ...(declaresFact ? { fact: 0 } : {}),
      });
    }
    return { stages, helpers: Array.from({ length: HELPERS }, () => 0) };
  });

const STAGE_EDITS = ["param", "body", "comment", "runtime", "fact", "modulus"] as const;

export type Edit =
  | { readonly kind: (typeof STAGE_EDITS)[number] | "helper"; readonly stage: number; readonly to: number }
  | { readonly kind: "revert" }
  | { readonly kind: "nothing" };

export interface Step {
  readonly edits: readonly Edit[];
  readonly force?: number | undefined;
  readonly target?: number | undefined;
  readonly damage?:
    { readonly stage: number; readonly how: "gone" | "file-gone" | "cut" | "flipped" } | undefined;
}

const edits: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom(...STAGE_EDITS, "helper" as const),
      stage: fc.nat(100),
      to: fc.nat(3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("revert" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("nothing" as const) }) },
);

export const steps: fc.Arbitrary<Step> = fc.record({
  edits: fc.array(edits, { maxLength: 3 }),
  force: fc.option(fc.nat(100), { nil: undefined, freq: 4 }),
  target: fc.option(fc.nat(100), { nil: undefined, freq: 3 }),
  damage: fc.option(
    fc.record({ stage: fc.nat(100), how: fc.constantFrom("gone", "file-gone", "cut", "flipped") }),
    { nil: undefined, freq: 3 },
  ),
});

/** `first`: the world that a revert goes back to. */
export function applyEdit(world: World, first: World, edit: Edit): World {
  if (edit.kind === "nothing") return world;
  if (edit.kind === "revert") return first;
  if (edit.kind === "helper") {
    const helpers = world.helpers.with(edit.stage % HELPERS, edit.to);
    return { ...world, helpers };
  }
  const { kind, to } = edit;
  const name = [...world.stages.values()][edit.stage % world.stages.size]?.name;
  const change = (state: StageState): StageState => {
    if (state.name !== name) return state;
    switch (kind) {
      case "param":
        return { ...state, value: to };
      case "modulus":
        return { ...state, modulus: to + 2 };
      case "body":
        return { ...state, body: to };
      case "comment":
        return { ...state, comment: to };
      case "runtime":
        return { ...state, workers: to };
      case "fact":
        return state.fact === undefined ? state : { ...state, fact: to };
    }
  };
  return { ...world, stages: new Map([...world.stages].map(([id, state]) => [id, change(state)])) };
}

/** What the code of a stage computes: every input of the result, stirred. Source: FNV-1a, 32 bits. */
export function compute(world: World, state: StageState, inputs: readonly string[]): string {
  const { name, body, value, modulus, helpers, fact } = state;
  const text = JSON.stringify([
    name,
    body,
    value,
    helpers.map((index) => world.helpers[index]),
    fact ?? null,
    inputs,
  ]);
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return `${name}:${(hash >>> 0) % modulus}`;
}

/** Recomputes all of the world at every question and remembers only which recipes ever ran. */
export class Oracle {
  readonly #ran = new Set<string>();
  readonly #damaged = new Set<string>();

  /** Contents by stage id. */
  contents(world: World): Map<string, string> {
    const contents = new Map<string, string>();
    for (const [id, state] of world.stages)
      contents.set(
        id,
        compute(
          world,
          state,
          state.inputs.map((input) => contents.get(input) ?? ""),
        ),
      );
    return contents;
  }

  damage(content: string): void {
    this.#damaged.add(content);
  }

  /** Names of the stages that must run, once each. */
  run(world: World, selected: ReadonlySet<string>, forced: ReadonlySet<string>): string[] {
    const contents = this.contents(world);
    const must: string[] = [];
    for (const [id, state] of world.stages) {
      if (!selected.has(id)) continue;
      const { name, body, value, modulus, fact } = state;
      const helpers = state.helpers.map((index) => world.helpers[index]);
      const inputs = state.inputs.map((input) => [input, contents.get(input)]);
      const recipe = JSON.stringify([name, body, value, modulus, fact, helpers, inputs]);
      const content = contents.get(id) ?? "";
      if (this.#ran.has(recipe) && !this.#damaged.has(content) && !forced.has(id)) continue;
      this.#ran.add(recipe);
      this.#damaged.delete(content);
      must.push(name);
    }
    return must;
  }
}
