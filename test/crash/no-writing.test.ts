/** A project on a file system that became read-only: told in one line, with what to do. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { explainFailure } from "../../src/runner/failure.ts";
import { CrashRig } from "./rig.ts";
import { SmallDisk } from "./small-disk.ts";

const disk = SmallDisk.mount(64);
const available = disk !== undefined;
let rig: CrashRig;

beforeAll(async () => {
  if (!disk) return;
  rig = disk.here(() => new CrashRig());
  expect((await rig.run()).exitCode).toBe(0);
});
afterAll(() => {
  if (!disk) return;
  rig.project.remove();
  disk.unmount();
});

async function whileReadOnly(work: () => Promise<void>): Promise<void> {
  const remount = (how: string) => execFileSync("mount", ["-o", `remount,${how}`, disk?.root ?? ""]);
  remount("ro");
  try {
    await work();
  } finally {
    remount("rw");
  }
}

const TOLD =
  /^error NOT_WRITABLE: \S+\/cache\/\S* cannot be written to: the file system is read-only\nhint: .*cache\/.*\n$/;

test.runIf(available)(
  "a file system that is read-only is told in one line by every command, and nothing is lost",
  async () => {
    await whileReadOnly(async () => {
      for (const args of [["plan"], ["status"], ["run", "--force", "count"], ["runs"], ["check"]]) {
        const { exitCode, stderr } = await rig.command(args);
        expect([args, exitCode, stderr]).toEqual([args, 1, expect.stringMatching(TOLD)]);
      }
    });
    // So that it would be compiled first.
    rig.project.edit("src/three.ts", "value * 3", "value * 3 + 0");
    await whileReadOnly(async () => {
      const { exitCode, stderr } = await rig.command(["plan"]);
      expect(stderr).toMatch(TOLD);
      expect(exitCode).toBe(1);
    });
    rig.project.edit("src/three.ts", "value * 3 + 0", "value * 3");
    const { events } = await rig.run();
    expect(events.filter(({ type }) => type === "stage-hit")).toHaveLength(4);
  },
  120_000,
);
if (!available)
  test.skip("a file system that is read-only: needs a tmpfs that may be mounted", () => undefined);

test("an error that has another cause than the place is passed on as it is", () => {
  const folder = mkdtempSync(join(tmpdir(), "no-writing-"));
  try {
    const path = join(folder, "file.txt");
    for (const code of ["ENOENT", "EACCES", "EPERM", "EIO"]) {
      const error = Object.assign(new Error(`${code}: open`), { code, syscall: "open", path });
      expect(explainFailure(error)).toBe(error);
    }
    const plain = new Error("another");
    expect(explainFailure(plain)).toBe(plain);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
