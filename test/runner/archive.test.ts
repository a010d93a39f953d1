/** Archives between two projects: what one made is a hit of the other, or nothing of it is there. */
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { extract, pack, type Header } from "tar-stream";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Session } from "../../src/runner/session-types.ts";
import { outcomes, Project } from "./project.ts";

let sender: Project;
let directory: string;
let archive: string;
let compiledDirectory: string;
let receiver: Project;
let receiverCompiled: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "archive-"));
  archive = join(directory, "run.tar");
  sender = new Project();
  compiledDirectory = await sender.compile();
  await sender.run([], {}, { compiledDirectory });
  receiver = new Project();
  receiverCompiled = await receiver.compile();
  await sender.with(({ exchange }) => exchange.exportRun([], { file: archive }), as("sender"));
});
afterAll(() => {
  sender.remove();
  receiver.remove();
  rmSync(directory, { recursive: true, force: true });
});

afterEach(() => receiver.forget());

/** A user with a key of their own. */
const as = (user: string) => ({
  env: { ...process.env, XDG_CONFIG_HOME: join(directory, user) },
  compiledDirectory: user === "sender" ? compiledDirectory : receiverCompiled,
});
const keyOf = (user: string) =>
  sender.with(async ({ exchange }) => (await exchange.key()).publicKey, as(user));

/** The receiver is another user, who trusts the sender. */
async function receiving<T>(work: (session: Session, trust: readonly string[]) => Promise<T>): Promise<T> {
  const trust = [await keyOf("sender")];
  return receiver.with((session) => work(session, trust), as("receiver"));
}

const importArchive = (file = archive, dryRun = false) =>
  receiving(({ exchange }, trust) => exchange.importRun(file, { trust, dryRun }));

const decisions = () =>
  receiving(async (session) => {
    const { stages } = await session.plan();
    return Object.fromEntries(stages.map(({ id, decision }) => [id, decision]));
  });

const NOTHING = { words: "run", count: "run", report: "run", side: "run" };
const ALL_HITS = { words: "hit", count: "hit", report: "hit", side: "hit" };

async function expectNothingImported(): Promise<void> {
  expect(await decisions()).toEqual(NOTHING);
  await receiving(async (session) => {
    expect(session.history.runs()).toEqual([]);
    expect(await session.check({ deep: true })).toMatchObject({ objects: 0, problems: [] });
  });
  const work = join(receiver.root, "cache/work");
  expect(existsSync(work) ? readdirSync(work) : []).toEqual([]);
}

type Part = { header: Pick<Header, "name"> & Partial<Header>; body: Buffer };

async function partsOf(file: string): Promise<Part[]> {
  const tar = extract();
  const parts: Part[] = [];
  tar.on("entry", ({ name, type, mtime }, stream, next) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk) => void chunks.push(chunk as Buffer));
    stream.on("end", () => {
      parts.push({ header: { name, type, mtime }, body: Buffer.concat(chunks) });
      next();
    });
  });
  await pipeline([readFileSync(file)], tar);
  return parts;
}

async function altered(change: (parts: Part[]) => Part[] | undefined): Promise<string> {
  const tar = pack();
  const parts = await partsOf(archive);
  for (const { header, body } of change(parts) ?? parts) tar.entry({ ...header }, body);
  tar.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar) chunks.push(chunk as Uint8Array);
  const file = join(directory, `altered-${Math.random()}.tar`);
  writeFileSync(file, Buffer.concat(chunks));
  return file;
}

test("an archive holds the manifest, the entries and the files, in that order, and is the same when written again", async () => {
  const names = (await partsOf(archive)).map(({ header }) => header.name.replace(/[0-9a-f]{64}/, "…"));
  expect(names).toEqual([
    "manifest.json",
    ...Array.from({ length: 4 }, () => "entries/….json"),
    ...Array.from({ length: 4 }, () => "blobs/…"),
  ]);
  const again = join(directory, "again.tar");
  await sender.with(({ exchange }) => exchange.exportRun([], { file: again }), as("sender"));
  expect(readFileSync(again).equals(readFileSync(archive))).toBe(true);
});

test("what was imported is a hit elsewhere, says whose it is, and a run of it does nothing", async () => {
  expect(await decisions()).toEqual(NOTHING);
  const summary = await importArchive();
  const key = await keyOf("sender");
  expect(summary).toMatchObject({ key, files: 4 });
  expect(summary.executions.map(({ outcome }) => outcome)).toEqual(Array(4).fill("imported"));
  expect(await decisions()).toEqual(ALL_HITS);
  await receiving(async (session) => {
    const why = await session.why("report");
    expect(why.execution?.origin).toMatchObject({ key, from: "run.tar" });
    expect(why.reasons[0]?.message).toContain(key);
    const { nodes } = await session.lineage("report");
    expect(nodes.find((node) => node.type === "execution")).toMatchObject({ origin: { key } });
    expect(await session.check({ deep: true })).toMatchObject({ ok: true, objects: 4, problems: [] });
    expect(session.history.runs()).toMatchObject([{ runId: summary.runId, origin: { key } }]);
    expect((await session.status()).lastRun).toBeUndefined();
  });
  const run = await receiver.run([], {}, as("receiver"));
  expect(outcomes(run)).toEqual(ALL_HITS);
  expect(receiver.executed()).toEqual([]);
  expect(receiver.read("artifacts/report/report/value.txt")).toBe(
    sender.read("artifacts/report/report/value.txt"),
  );
});

test("an archive imported twice brings nothing the second time", async () => {
  await importArchive();
  const again = await importArchive();
  expect(again).toMatchObject({ files: 0, sizeBytes: 0 });
  expect(again.executions.map(({ outcome }) => outcome)).toEqual(Array(4).fill("present"));
});

test("an artifact that was damaged here comes back whole", async () => {
  await importArchive();
  const digest = await receiving((session) =>
    Promise.resolve(session.output("words", "words")?.directory ?? ""),
  );
  chmodSync(join(digest, "value.txt"), 0o644);
  truncateSync(join(digest, "value.txt"));
  expect(await decisions()).toMatchObject({ words: "run" });
  expect((await importArchive()).files).toBe(1);
  expect(await decisions()).toEqual(ALL_HITS);
});

test("a dry run verifies everything and writes nothing", async () => {
  expect(await importArchive(archive, true)).toMatchObject({ files: 4 });
  await expectNothingImported();
});

test("an archive by a key that is not trusted is refused, and settings.yaml can trust it", async () => {
  const key = await keyOf("sender");
  const refused = receiver.with(({ exchange }) => exchange.importRun(archive), as("receiver"));
  await expect(refused).rejects.toMatchObject({
    code: "KEY_UNKNOWN",
    message: expect.stringContaining(key) as string,
  });
  await expectNothingImported();
  receiver.write("settings.yaml", `trustedKeys:\n  - ${key}\n`);
  await receiver.with(({ exchange }) => exchange.importRun(archive), as("receiver"));
  expect(await decisions()).toEqual(ALL_HITS);
});

test("one's own key needs no trust", async () => {
  await receiver.with(({ exchange }) => exchange.importRun(archive), {
    ...as("sender"),
    compiledDirectory: receiverCompiled,
  });
  expect(await decisions()).toEqual(ALL_HITS);
});

test.each([0.02, 0.3, 0.6, 0.9])("an archive cut after %d of its length leaves nothing", async (share) => {
  const cut = join(directory, `cut-${share}.tar`);
  copyFileSync(archive, cut);
  truncateSync(cut, Math.floor(readFileSync(archive).byteLength * share));
  await expect(importArchive(cut)).rejects.toMatchObject({ code: "ARCHIVE_BROKEN" });
  await expectNothingImported();
});

test.each<[string, string, (parts: Part[]) => Part[] | undefined]>([
  ["a file's bytes are others", "BLOB_CORRUPT", (parts) => void parts.at(-1)?.body.write("x")],
  [
    "a file is longer",
    "BLOB_CORRUPT",
    (parts) => [
      ...parts.slice(0, -1),
      ...parts.slice(-1).map(({ header, body }) => ({ header, body: Buffer.concat([body, body]) })),
    ],
  ],
  ["a file is missing", "ARCHIVE_BROKEN", (parts) => parts.slice(0, -1)],
  ["a file is there twice", "ARCHIVE_BROKEN", (parts) => [...parts, ...parts.slice(-1)]],
  [
    "two files are swapped",
    "ARCHIVE_BROKEN",
    (parts) => [...parts.slice(0, -2), ...parts.slice(-2).reverse()],
  ],
  ["an entry is missing", "ARCHIVE_BROKEN", (parts) => parts.filter((_part, index) => index !== 1)],
  ["the manifest comes last", "ARCHIVE_BROKEN", (parts) => [...parts.slice(1), ...parts.slice(0, 1)]],
  [
    "an entry was altered",
    "ARCHIVE_BROKEN",
    (parts) => {
      const text = parts[1]?.body.toString() ?? "";
      return parts.map((part, index) =>
        index === 1 ? { ...part, body: Buffer.from(text.replace("words", "sword")) } : part,
      );
    },
  ],
  [
    "the manifest was altered",
    "SIGNATURE_BROKEN",
    (parts) => {
      const text = parts[0]?.body.toString() ?? "";
      return parts.map((part, index) =>
        index === 0 ? { ...part, body: Buffer.from(text.replace('"succeeded"', '"failed"')) } : part,
      );
    },
  ],
  [
    "a path climbs out",
    "ARCHIVE_BROKEN",
    (parts) => [{ header: { name: "../../escaped" }, body: Buffer.from("x") }, ...parts],
  ],
  [
    "a link stands for a file",
    "ARCHIVE_BROKEN",
    (parts) =>
      parts.map((part, index) =>
        index === parts.length - 1
          ? {
              header: { name: part.header.name, type: "symlink", linkname: "/etc/passwd" },
              body: Buffer.alloc(0),
            }
          : part,
      ),
  ],
])("where %s, nothing is imported", async (_what, code, change) => {
  await expect(importArchive(await altered(change))).rejects.toMatchObject({ code });
  await expectNothingImported();
});

test("what is no archive is told so", async () => {
  const file = join(directory, "no.tar");
  writeFileSync(file, "this is a letter, not a tar".repeat(100));
  await expect(importArchive(file)).rejects.toMatchObject({ code: "ARCHIVE_BROKEN" });
  await expect(importArchive(join(directory, "nowhere.tar"))).rejects.toMatchObject({
    code: "ARCHIVE_NOT_FOUND",
  });
});

test("without the files of upstreams, their lineage comes and they must run", async () => {
  const file = join(directory, "lineage-only.tar");
  await sender.with(
    ({ exchange }) => exchange.exportRun(["report"], { file, lineageOnlyUpstream: true }),
    as("sender"),
  );
  const summary = await importArchive(file);
  expect(summary.executions.map(({ stageId, outcome }) => [stageId, outcome])).toEqual([
    ["words", "lineage"],
    ["count", "lineage"],
    ["report", "imported"],
  ]);
  expect(await decisions()).toMatchObject({ words: "run", count: "run", side: "run" });
  await receiving(async (session) => {
    expect(await session.check()).toMatchObject({ ok: true, objects: 1, tombstones: 2 });
    const { nodes } = await session.lineage("report", { direction: "up" });
    expect(nodes.flatMap((node) => (node.type === "execution" ? node.stageId : [])).sort()).toEqual([
      "count",
      "report",
      "words",
    ]);
  });
  // Early cutoff: what runs again gives the same bytes, so that report is a hit.
  expect(outcomes(await receiver.run(["report"], {}, as("receiver")))).toEqual({
    words: "executed",
    count: "executed",
    report: "hit",
  });
  expect(await importArchive(archive)).toMatchObject({ executions: { length: 4 } });
});

test("what has not run cannot be exported, and an existing file is not replaced", async () => {
  const file = join(directory, "none.tar");
  const exported = (what: readonly string[], target = file) =>
    receiving(({ exchange }) => exchange.exportRun(what, { file: target }));
  await expect(exported([])).rejects.toMatchObject({ code: "NOTHING_TO_EXPORT", kind: "user" });
  await expect(exported(["report"])).rejects.toMatchObject({ code: "NOTHING_TO_EXPORT" });
  await expect(exported(["nowhere"])).rejects.toMatchObject({ code: "UNKNOWN_TARGET" });
  expect(existsSync(file)).toBe(false);
  const digest = () => createHash("sha256").update(readFileSync(archive)).digest("hex");
  const before = digest();
  await expect(
    sender.with(({ exchange }) => exchange.exportRun([], { file: archive }), as("sender")),
  ).rejects.toMatchObject({ code: "FILE_EXISTS" });
  expect(digest()).toBe(before);
});

test("a damaged artifact is not exported, and no file is left", async () => {
  await importArchive();
  const own = await receiving((session) =>
    Promise.resolve(session.output("words", "words")?.directory ?? ""),
  );
  chmodSync(join(own, "value.txt"), 0o644);
  writeFileSync(join(own, "value.txt"), "8");
  const target = join(directory, "damaged.tar");
  await expect(
    receiving(({ exchange }) => exchange.exportRun(["words"], { file: target })),
  ).rejects.toMatchObject({ code: "ARTIFACT_DAMAGED" });
  expect(readdirSync(directory).filter((name) => name.startsWith("damaged"))).toEqual([]);
});
