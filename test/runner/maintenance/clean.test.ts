import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { CleanOptions } from "../../../src/runner/maintenance-types.ts";
import { Project } from "../project.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => project.remove());

const clean = (options: CleanOptions) =>
  project.with(async ({ maintenance }) => {
    const parts = maintenance.planClean(options);
    await maintenance.clean(parts);
    return parts.map(({ path }) => path);
  });

test("copies, checkpoints and logs go one by one, and results stay hits", async () => {
  project.write("artifacts/README.md", "what this is");
  await project.run();
  expect(await clean({ artifacts: true })).toEqual(
    ["count", "report", "side", "words"].map((stage) => `artifacts/${stage}`),
  );
  expect(readdirSync(join(project.root, "artifacts"))).toEqual(["README.md"]);
  expect(await clean({ logs: true, checkpoints: true })).toEqual(["cache/checkpoints", "cache/logs"]);
  expect((await project.run()).hits).toBe(4);
  expect(existsSync(join(project.root, "artifacts/report/report/value.txt"))).toBe(true);
});

test("--all leaves what git keeps, and the next run makes everything again", async () => {
  project.write("cache/README.md", "what this is");
  await project.run(["words"]);
  await clean({ all: true });
  expect(readdirSync(join(project.root, "cache"))).toEqual(["README.md"]);
  expect((await project.run(["words"])).executed).toBe(1);
});

test("nothing is removed while a run is alive, nor where nothing was named", async () => {
  let refused: unknown;
  await project.with(async (session) => {
    expect(() => session.maintenance.planClean({})).toThrow(
      expect.objectContaining({ code: "CLEAN_NOTHING_NAMED" }) as Error,
    );
    await session.run(["words"], {
      onEvent: ({ type }) => {
        if (type !== "stage-started") return;
        try {
          session.maintenance.planClean({ all: true });
        } catch (error) {
          refused = error;
        }
      },
    });
    expect(session.maintenance.planClean({ logs: true })).toHaveLength(1);
  });
  expect(refused).toMatchObject({ code: "CLEAN_WHILE_RUNNING", kind: "user" });
});

test("a cache on another disk: cache/ may be a link; runs, gc, check and clean work, and the link stays", async () => {
  const disks = mkdtempSync(join(tmpdir(), "disks-"));
  const [elsewhere, third] = [join(disks, "a"), join(disks, "b")];
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, "README.md"), "what this is");
  symlinkSync(elsewhere, join(project.root, "cache"));
  try {
    await project.run(["report"], {}, { set: ["words.count=8"] });
    expect((await project.run(["report"])).executed).toBe(3);
    expect((await project.run(["report"])).hits).toBe(3);
    await project.with(async (session) => {
      const report = await session.maintenance.gc({ unreferenced: true });
      expect(report.items.filter(({ kind }) => kind === "execution")).toHaveLength(3);
      expect(await session.check({ deep: true })).toMatchObject({ ok: true, problems: [] });
    });
    // Moved to a third place, with the link put right: everything is still a hit.
    renameSync(elsewhere, third);
    rmSync(join(project.root, "cache"));
    symlinkSync(third, join(project.root, "cache"));
    expect((await project.run(["report"])).hits).toBe(3);
    await clean({ all: true });
    expect(readdirSync(third)).toEqual(["README.md"]);
    expect(readFileSync(join(project.root, "cache/README.md"), "utf8")).toBe("what this is");
  } finally {
    rmSync(disks, { recursive: true, force: true });
  }
});
