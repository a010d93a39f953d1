import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { contentSubject } from "../../src/lineage/content-subject.ts";
import { queryLineage } from "../../src/lineage/query.ts";
import { openStore } from "../../src/store/open-store.ts";
import type { Store } from "../../src/store/store.ts";
import { execution, output } from "./execution-record.ts";

let root: string;
let store: Store;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "content-"));
  store = openStore(root);
});
afterEach(async () => {
  await store.close();
  rmSync(root, { recursive: true, force: true });
});

/** An artifact with these files, made by an execution of its own; answers its digest. */
async function make(fingerprint: string, files: Readonly<Record<string, string>>): Promise<string> {
  const directory = join(await store.makeWorkDirectory("test"), "out");
  mkdirSync(directory);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const object = await store.adopt(directory);
  const record = execution({
    fingerprint: fingerprint.padEnd(64, "0"),
    stageId: fingerprint,
    outputs: { out: output(object.digest) },
  });
  store.commit(record, [object]);
  return object.digest;
}

const ask = async (subject: string) => queryLineage(store, await contentSubject(root, subject), "up");

test("a copy of a file finds the artifacts that hold it, all of them, and says where", async () => {
  const one = await make("aaaaaa", { "model.bin": "weights", "config.json": "{}" });
  const two = await make("bbbbbb", { "renamed.bin": "weights" });
  writeFileSync(join(root, "copy.bin"), "weights");
  const { subjects, files } = await ask("copy.bin");
  expect([...subjects].sort()).toEqual([`artifact:${one}`, `artifact:${two}`].sort());
  expect(files?.map(({ path }) => path).sort()).toEqual(["model.bin", "renamed.bin"]);
  expect((await ask(join(root, "copy.bin"))).subjects).toEqual(subjects);
  const sha256 = files?.[0]?.sha256 ?? "";
  expect(queryLineage(store, sha256.slice(0, 10), "up").subjects).toEqual(subjects);
});

test("a file that no artifact holds is told by its path as well as by its digest", async () => {
  await make("aaaaaa", { "model.bin": "weights" });
  writeFileSync(join(root, "mine.txt"), "mine");
  const subject = await contentSubject(root, "./mine.txt");
  expect(() => queryLineage(store, subject, "up", "./mine.txt")).toThrow(
    `nothing finished is known as ./mine.txt (sha256 ${subject})`,
  );
});

test("a copy of a folder finds the artifact that has just these files", async () => {
  const digest = await make("aaaaaa", { a: "1", b: "2" });
  mkdirSync(join(root, "copy.d"));
  writeFileSync(join(root, "copy.d/a"), "1");
  writeFileSync(join(root, "copy.d/b"), "2");
  expect((await ask("./copy.d")).subjects).toEqual([`artifact:${digest}`]);
  writeFileSync(join(root, "copy.d/b"), "3");
  await expect(ask("./copy.d")).rejects.toMatchObject({ code: "LINEAGE_UNKNOWN" });
});

test("a path below artifacts/ is asked for by what the store showed there, wherever it is written from", async () => {
  expect(await contentSubject(root, "./artifacts/words/words/x.txt")).toBe("artifacts/words/words/x.txt");
  expect(await contentSubject(root, join(root, "artifacts/words"))).toBe("artifacts/words");
  expect(await contentSubject(root, "sub/../artifacts/words")).toBe("artifacts/words");
});

test("a word is no path, even where a folder has that name", async () => {
  mkdirSync(join(root, "words"));
  expect(await contentSubject(root, "words")).toBe("words");
  expect(await contentSubject(root, "no/such.file")).toBe("no/such.file");
});
