import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { GcOptions, GcReport } from "../../../src/runner/maintenance-types.ts";
import type { RunOptions, Session } from "../../../src/runner/session-types.ts";
import { outcomes, Project } from "../project.ts";

const project = new Project();
afterAll(() => project.remove());

/** No test changes a source: one compile serves them all. */
let compiledDirectory: string;
beforeAll(async () => {
  compiledDirectory = await project.compile();
});
beforeEach(() => {
  const cache = join(project.root, "cache");
  const stale = readdirSync(cache).filter((name) => name !== "compiled");
  for (const path of [...stale.map((name) => join("cache", name)), "artifacts", "trace.txt", "collected"])
    rmSync(join(project.root, path), { recursive: true, force: true });
});

const build = (targets: readonly string[] = [], options: RunOptions = {}, session = {}) =>
  project.run(targets, options, { compiledDirectory, ...session });

const asking = <T>(ask: (session: Session) => Promise<T>, session = {}): Promise<T> =>
  project.with(ask, { compiledDirectory, ...session });

const gc = (options: GcOptions, sessionOptions = {}): Promise<GcReport> =>
  asking((session) => session.maintenance.gc(options), sessionOptions);

const executions = ({ items }: GcReport) =>
  items.flatMap(({ kind, name }) => (kind === "execution" ? [name] : [])).sort();

const OTHER = { set: ["words.count=7"] };

test("what is young stays unless it is asked for, and so does what the named recipe needs", async () => {
  await build([], {}, OTHER);
  await build();
  expect((await gc({})).items).toEqual([]);
  // Its hits are needed by the other recipe; those of the first are latest.
  expect((await gc({ unreferenced: true }, OTHER)).items).toEqual([]);
});

test("lineage stays: an evicted execution answers, and plan says when it was evicted", async () => {
  await build([], {}, OTHER);
  const digest = await asking((session) => Promise.resolve(session.output("words", "words")?.digest ?? ""));
  await build();
  await gc({ unreferenced: true });
  await asking(async (session) => {
    const lineage = await session.lineage(digest);
    expect(lineage.nodes.filter(({ type }) => type === "execution")).toHaveLength(3);
    for (const node of lineage.nodes)
      if (node.type === "execution") expect(node.evictedAt).toMatch(/^\d{4}-/);
    const plan = await session.plan(["words"]);
    expect(plan.stages).toMatchObject([{ decision: "hit" }]);
  });
  await asking(async (session) => {
    const [words] = (await session.plan(["words"])).stages;
    expect(words).toMatchObject({
      decision: "run",
      reasons: [{ code: "evicted", field: expect.stringMatching(/^\d{4}-/) as string }],
    });
    expect(words?.reasons).toHaveLength(1);
  }, OTHER);
  // It is made again, and is what it was.
  const again = await build(["words"], {}, OTHER);
  expect(outcomes(again)).toEqual({ words: "executed" });
  expect(again.stages[0]?.outputs["words"]?.digest).toBe(digest);
});

test("a pinned artifact stays, and goes when it is no longer pinned", async () => {
  await build([], {}, OTHER);
  await asking((session) =>
    Promise.resolve(session.maintenance.pin("report", { name: "for the paper", withLineage: true })),
  );
  await build();
  expect((await gc({ unreferenced: true })).items).toEqual([]);
  await asking((session) => {
    expect(session.maintenance.pins()).toMatchObject([
      { target: "report", name: "for the paper", withLineage: true, present: true },
    ]);
    expect(session.maintenance.unpin("for the paper")).toHaveLength(1);
    expect(() => session.maintenance.unpin("report")).toThrow(
      expect.objectContaining({ code: "PIN_UNKNOWN" }) as Error,
    );
    return Promise.resolve();
  });
  expect(executions(await gc({ unreferenced: true }))).toEqual(["count", "report", "words"]);
});

test("what is gone cannot be pinned", async () => {
  const first = await build(["words"], {}, OTHER);
  await build(["words"]);
  await gc({ unreferenced: true });
  await asking((session) => {
    const digest = first.stages[0]?.outputs["words"]?.digest ?? "";
    expect(() => session.maintenance.pin(digest)).toThrow(
      expect.objectContaining({ code: "PIN_GONE" }) as Error,
    );
    return Promise.resolve();
  });
});

test("a size that cannot be reached without what is needed is said", async () => {
  await build();
  const report = await gc({ maxBytes: 0 });
  expect(executions(report)).toEqual([]);
  expect(report.notes).toEqual([
    "the artifacts that stay are larger than was asked for: the recipe, a pin or a running pipeline needs the rest",
  ]);
});

test("a collection beside a run takes nothing that the run reads later", async () => {
  await build(["words"], {}, OTHER);
  let collected: Promise<GcReport> | undefined;
  const collect = async (): Promise<GcReport> => {
    // Another recipe is now the latest of words, so that only the run itself needs the first one's.
    await build(["words"]);
    const report = await gc({ unreferenced: true });
    project.write("collected", "");
    return report;
  };
  const run = await build(
    ["report"],
    {
      onEvent: (event) => {
        if (event.type === "stage-checkpoint" && event.step === 1) collected = collect();
      },
    },
    { ...OTHER, env: { ...process.env, WAIT_AT: "1", WAIT_FOR: join(project.root, "collected") } },
  );
  expect(outcomes(run)).toEqual({ words: "hit", count: "executed", report: "executed" });
  expect(await collected).toMatchObject({ items: [] });
});

test("what was remembered of a folder goes by its age when no stage names it", async () => {
  await build(["words"]);
  const stats = join(project.root, "cache/stats", "d".repeat(64));
  mkdirSync(dirname(stats), { recursive: true });
  writeFileSync(stats, "x");
  expect((await gc({ unreferenced: true })).items).toEqual([]);
  const old = new Date(Date.now() - 40 * 86_400_000);
  utimesSync(stats, old, old);
  expect((await gc({ unreferenced: true })).items).toMatchObject([{ kind: "stats", bytes: 1 }]);
  expect(existsSync(stats)).toBe(false);
});

test("checkpoints, logs and empty folders that nobody needs go by their age", async () => {
  await build(["words"]);
  const old = new Date(Date.now() - 40 * 86_400_000);
  const make = (path: string, file?: string) => {
    const directory = join(project.root, "cache", path);
    mkdirSync(directory, { recursive: true });
    if (file !== undefined) {
      writeFileSync(join(directory, file), "x");
      utimesSync(join(directory, file), old, old);
    }
    utimesSync(directory, old, old);
    return directory;
  };
  const gone = [
    make(`checkpoints/${"a".repeat(64)}`, "checkpoint.json"),
    make(`checkpoints/${"b".repeat(64)}`),
    make("logs/20200101T000000Z-aaaaaa", "words.jsonl"),
  ];
  const young = join(project.root, "cache/checkpoints", "c".repeat(64));
  mkdirSync(young);
  writeFileSync(join(young, "checkpoint.json"), "{}");
  make("downloads", "file");
  const report = await gc({ unreferenced: true });
  expect(report.items.map(({ kind }) => kind)).toEqual(["checkpoint", "checkpoint", "log"]);
  expect(gone.filter((path) => existsSync(path))).toEqual([]);
  expect(existsSync(young)).toBe(true); // days of work may be in it
  expect(executions(report)).toEqual([]);
  expect((await gc({ downloads: true })).items).toMatchObject([{ kind: "download", name: "file" }]);
});

test("old folders of Slurm jobs go when Slurm knows no job of theirs, and stay where it cannot be asked", async () => {
  await build(["words"]);
  const old = new Date(Date.now() - 40 * 86_400_000);
  const make = (fingerprint: string, age = old): string => {
    const folder = join(project.root, "cache/slurm", fingerprint);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "job.json"), "{}");
    for (const path of [join(folder, "job.json"), folder]) utimesSync(path, age, age);
    return folder;
  };
  const abandoned = make("a".repeat(64));
  const queued = make("b".repeat(64));
  make("c".repeat(64), new Date());
  const bin = join(project.root, "bin");
  mkdirSync(bin, { recursive: true });
  const session = { env: { PATH: bin } };

  const unasked = await gc({}, session);
  expect(unasked.items).toEqual([]);
  expect(unasked.notes).toEqual([
    expect.stringMatching(
      /^cache\/slurm holds 2 old folders of jobs, which stay because Slurm cannot be asked here: squeue does not answer/,
    ),
  ]);
  const line = `7|${"b".repeat(64)}|PENDING|Resources|comment|${queued}`;
  writeFileSync(join(bin, "squeue"), `#!/bin/sh\necho '${line}'\n`, { mode: 0o755 });
  expect(await gc({}, session)).toMatchObject({ items: [{ kind: "job", name: "a".repeat(64) }], notes: [] });
  expect(existsSync(abandoned)).toBe(false);
  expect(existsSync(queued)).toBe(true);
});

test("a stage that fails without a checkpoint leaves no folder behind", async () => {
  await build(["side"], {}, { set: ["side.mode=throw"] });
  expect(readdirSync(join(project.root, "cache/checkpoints"))).toEqual([]);
});
