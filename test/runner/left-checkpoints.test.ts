/** Work that was stopped under another recipe is told, with what differs and how it is gone on with; pure. */
import { expect, test } from "vitest";
import { parse } from "yaml";
import type { CurrentRecipe, PastRecipe } from "../../src/lineage/explain.ts";
import { findLeftCheckpoints } from "../../src/runner/left-checkpoints.ts";
import type { StoppedWork } from "../../src/runner/stopped-work.ts";

const text = { kind: "text", formatVersion: 1 };

const then: PastRecipe = {
  fingerprintVersion: 1,
  stageName: "pretrain",
  params: { devices: 1, model: { layers: 4 } },
  inputs: { shards: { ...text, digest: "1".repeat(64) } },
  outputs: { checkpoint: text },
  source: { digest: "a", files: { "stages/pretrain.ts": "a" } },
  packages: {},
  environment: {},
};

const now = (change: Partial<CurrentRecipe> = {}): CurrentRecipe => ({ ...then, ...change });

const stopped = (change: Partial<StoppedWork> = {}): StoppedWork => ({
  stageId: "pretrain",
  config: "configs/tiny.yaml",
  fingerprint: "old",
  step: 700,
  total: 1500,
  recipe: then,
  ...change,
});

interface FindOptions {
  readonly step: number;
  readonly fingerprint: string | null;
  readonly paramsPath: string | undefined;
}

const find = (
  recipe: CurrentRecipe,
  work: readonly StoppedWork[] = [stopped()],
  options: Partial<FindOptions> = {},
) => {
  const defaults: FindOptions = { step: 0, fingerprint: "new", paramsPath: "pretrain" };
  const { step, fingerprint, paramsPath } = { ...defaults, ...options };
  return findLeftCheckpoints(
    { id: "pretrain", recipe, fingerprint, step },
    { stopped: () => work, paramsPath: () => paramsPath },
  );
};

test("a changed setting is named, and the way back to the checkpoint", () => {
  expect(find(now({ params: { devices: 2, model: { layers: 4 } } }))).toEqual([
    {
      fingerprint: "old",
      step: 700,
      total: 1500,
      config: "configs/tiny.yaml",
      differences: [
        { code: "param-changed", field: "devices", old: 1, new: 2, message: "param devices: 1 → 2" },
      ],
      settings: ["pretrain.devices=1"],
      message:
        "a checkpoint of step 700 of 1500 belongs to another recipe and stays behind (begun with configs/tiny.yaml, param devices: 1 → 2); with --set pretrain.devices=1, the stage goes on from it",
    },
  ]);
});

test.each(["word", "true", "NULL", "1e3", "it's", "a: b", "", "-", 1, 0.5, -2, true, null])(
  "the value %j is written so that --set reads it back",
  (value) => {
    const [left] = find(now({ params: { value: "other" } }), [
      stopped({ recipe: { ...then, params: { value } } }),
    ]);
    const [setting = ""] = left?.settings ?? [];
    expect(setting.startsWith("pretrain.value=")).toBe(true);
    expect(parse(setting.slice("pretrain.value=".length))).toBe(value);
  },
);

test.each<[string, Partial<CurrentRecipe>, string | undefined]>([
  ["the code", { source: { digest: "b", files: { "stages/pretrain.ts": "b" } } }, "pretrain"],
  [
    "the code beside a param",
    { params: { devices: 2, model: { layers: 4 } }, packages: { zod: "4" } },
    "pretrain",
  ],
  ["an input", { inputs: { shards: { ...text, digest: "2".repeat(64) } } }, "pretrain"],
  ["a param that was not there", { params: { ...then.params, guard: 1 } }, "pretrain"],
  [
    "a param that no part of the recipe's file is",
    { params: { devices: 2, model: { layers: 4 } } },
    undefined,
  ],
])("where %s differs, no setting is promised to bring it back", (_, change, paramsPath) => {
  const [left] = find(now(change), [stopped()], { paramsPath });
  expect(left?.settings).toBeUndefined();
  expect(left?.message).toContain("; with what was before, the stage goes on from it");
});

test("what differs in a list cannot be set", () => {
  const recipe = { ...then, params: { rates: [1, 2] } };
  const [left] = find(now({ params: { rates: [1, 3] } }), [stopped({ recipe })]);
  expect(left?.differences.map(({ field }) => field)).toEqual(["rates[1]"]);
  expect(left?.settings).toBeUndefined();
});

test("of many differences a few are shown, and all are there", () => {
  const params = { a: 1, b: 1, c: 1, d: 1, e: 1 };
  const [left] = find(now({ params: { a: 2, b: 2, c: 2, d: 2, e: 2 } }), [
    stopped({ recipe: { ...then, params } }),
  ]);
  expect(left?.message).toContain("param a: 1 → 2, param b: 1 → 2, param c: 1 → 2, and 2 more");
  expect(left?.differences).toHaveLength(5);
  expect(left?.settings).toEqual(["a", "b", "c", "d", "e"].map((name) => `pretrain.${name}=1`));
});

test("where all but an unknown input is the same, it may yet go on", () => {
  const pending = now({ inputs: { shards: { ...text, digest: null } } });
  expect(find(pending, [stopped()], { fingerprint: null })).toMatchObject([
    {
      differences: [],
      message:
        "a checkpoint of step 700 of 1500 stands: the stage goes on from it if input shards comes out as it was",
    },
  ]);
});

test("only work of the same stage that is further than where it begins is left behind, the furthest first", () => {
  const work = [
    stopped({ fingerprint: "near", step: 10 }),
    stopped({ fingerprint: "far", step: 900 }),
    stopped({ fingerprint: "as far", step: 100 }),
    stopped({ fingerprint: "further", step: 101 }),
    stopped({ fingerprint: "new", step: 1000 }),
    stopped({ stageId: "pretrain@seed=1", step: 1000 }),
  ];
  const left = find(now({ params: {} }), work, { step: 100 });
  expect(left.map(({ fingerprint }) => fingerprint)).toEqual(["far", "further"]);
});
