/** Bytes that processes share: without a name, their space taken beforehand, somewhere else where there is no room. */
import { existsSync, mkdtempSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { SharedFile, shareFile } from "../../../src/engine/replicas/shared-file.ts";
import { SmallDisk } from "../../crash/small-disk.ts";

const folder = mkdtempSync(join(tmpdir(), "shared-file-"));
const small = SmallDisk.mount(4);
afterAll(() => {
  rmSync(folder, { recursive: true });
  small?.unmount();
});

const ignore = () => undefined;

test("two that opened it read what the other writes, and it has no name", async () => {
  let other: SharedFile | undefined;
  using file = await shareFile({
    bytes: 64,
    places: [folder],
    onNote: ignore,
    attach: (path) => {
      other = new SharedFile(path);
      return Promise.resolve();
    },
  });
  expect(readdirSync(folder)).toEqual([]);
  file.write(8, Float32Array.of(1.5, -2));
  const read = new Float32Array(2);
  other?.read(8, read);
  other?.[Symbol.dispose]();
  expect([...read]).toEqual([1.5, -2]);
});

test("where it cannot be opened by others, nothing stays behind", async () => {
  const attach = () => Promise.reject(new Error("not opened"));
  await expect(shareFile({ bytes: 64, places: [folder], onNote: ignore, attach })).rejects.toThrow(
    "not opened",
  );
  expect(readdirSync(folder)).toEqual([]);
});

test("a place that is not there is passed over, and a note says so", async () => {
  const notes: string[] = [];
  const absent = join(folder, "absent");
  using file = await shareFile({
    bytes: 64,
    places: [absent, folder],
    onNote: (note) => notes.push(note),
    attach: () => Promise.resolve(),
  });
  file.write(0, Uint8Array.of(1));
  expect(notes).toEqual([`devices share gradients through ${folder}, because there is no ${absent}`]);
});

test.skipIf(small === undefined)(
  "its space is really taken, and a full place is an error that names both",
  async () => {
    const root = small?.root ?? "";
    const attach = () => Promise.resolve();
    const free = () => statfsSync(root).bavail * statfsSync(root).bsize;
    const before = free();
    {
      using _file = await shareFile({ bytes: 3 << 20, places: [root], onNote: ignore, attach });
      expect(free()).toBeLessThanOrEqual(before - (3 << 20));
      await expect(
        shareFile({ bytes: 2 << 20, places: [root, join(root, "absent")], onNote: ignore, attach }),
      ).rejects.toMatchObject({
        code: "SHARED_MEMORY_FULL",
        message: `the devices need 2 MiB to share their gradients, but ${root} has 1 MiB of room, there is no ${root}/absent`,
        hint: expect.stringContaining("--shm-size") as string,
      });
    }
    expect(free()).toBe(before);
    expect(existsSync(root) && readdirSync(root)).toEqual([]);
  },
);
