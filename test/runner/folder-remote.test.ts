/** Push and pull through a shared folder. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { outcomes, packageRoot } from "./project.ts";
import { ALL_HITS, NOTHING, SharingUsers } from "./sharing-users.ts";

const users = new SharingUsers();
beforeAll(() => users.prepare());
afterAll(() => users.remove());

let remote: string;
beforeEach(() => {
  remote = join(users.directory, "remote");
});
afterEach(() => {
  users.receiver.forget();
  rmSync(remote, { recursive: true, force: true });
});

const push = (targets: readonly string[] = [], key?: string) =>
  users.sending(({ exchange }) => exchange.push(targets, { remote }), key);
const pull = (targets: readonly string[] = [], dryRun = false) =>
  users.receiving(({ exchange }, trust) => exchange.pull(targets, { remote, trust, dryRun }));

/** Paths of the files below the remote, digests shortened away. */
const files = (folder: string): string[] =>
  !existsSync(join(remote, folder))
    ? []
    : readdirSync(join(remote, folder), { withFileTypes: true, recursive: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(remote, join(entry.parentPath, entry.name)))
        .sort();

const outcomesOf = (stages: readonly { readonly id: string; readonly outcome: string }[]) =>
  Object.fromEntries(stages.map(({ id, outcome }) => [id, outcome]));

test("what one pushes is a hit of the other after a pull, and a run of it does nothing", async () => {
  expect(await push()).toMatchObject({ files: 4, unfinished: [] });
  expect(files("entries")).toHaveLength(4);
  expect(files("blobs")).toHaveLength(4);
  expect(files("blobs")[0]).toMatch(/^blobs\/([0-9a-f]{2})\/\1[0-9a-f]{62}$/);
  expect(readdirSync(join(remote, "sending"))).toEqual([]);

  expect(await users.decisions()).toEqual(NOTHING);
  const report = await pull();
  expect(outcomesOf(report.stages)).toEqual({
    words: "pulled",
    count: "pulled",
    report: "pulled",
    side: "pulled",
  });
  expect(await users.decisions()).toEqual(ALL_HITS);
  await users.receiving(async (session) => {
    const why = await session.why("count");
    expect(why.execution?.origin).toMatchObject({ key: await users.keyOf("sender"), from: remote });
    expect(await session.check({ deep: true })).toMatchObject({ ok: true, objects: 4, problems: [] });
  });
  expect(outcomes(await users.receiver.run([], {}, users.as("receiver")))).toEqual(ALL_HITS);
  expect(users.receiver.executed()).toEqual([]);
});

test("a second push sends nothing, and a second pull fetches nothing", async () => {
  await push();
  const again = await push();
  expect(again).toMatchObject({ files: 0, sizeBytes: 0 });
  expect(again.executions.map(({ outcome }) => outcome)).toEqual(Array(4).fill("present"));
  await pull();
  const more = await pull();
  expect(more).toMatchObject({ files: 0, sizeBytes: 0 });
  expect(outcomesOf(more.stages)).toEqual({ words: "here", count: "here", report: "here", side: "here" });
});

test("only what the targets need is pushed and pulled", async () => {
  await push(["count"]);
  expect(files("entries")).toHaveLength(2);
  expect(outcomesOf((await pull()).stages)).toEqual({
    words: "pulled",
    count: "pulled",
    report: "absent",
    side: "absent",
  });
  expect(await users.decisions()).toEqual({ words: "hit", count: "hit", report: "run", side: "run" });
});

test("a dry run of pull follows the whole chain and writes nothing", async () => {
  await push();
  const report = await pull(["report"], true);
  expect(report).toMatchObject({ files: 3 });
  expect(outcomesOf(report.stages)).toEqual({ words: "pulled", count: "pulled", report: "pulled" });
  expect(await users.decisions()).toEqual(NOTHING);
});

test("a dry run of push writes nothing", async () => {
  const report = await users.sending(({ exchange }) => exchange.push([], { remote, dryRun: true }));
  expect(report).toMatchObject({ files: 4 });
  expect(existsSync(remote)).toBe(false);
});

test("entries by a key that is not trusted are refused by name, and nothing of them is used", async () => {
  await push([], "stranger");
  const report = await pull(["report"]);
  expect(outcomesOf(report.stages)).toEqual({ words: "refused", count: "absent", report: "absent" });
  expect(report.refusals).toMatchObject([
    { code: "KEY_UNKNOWN", message: expect.stringContaining(await users.keyOf("stranger")) as string },
  ]);
  expect(await users.decisions()).toEqual(NOTHING);
});

test("an entry by a stranger is not replaced, and the push says so", async () => {
  await push([], "stranger");
  const before = files("entries").map((path) => readFileSync(join(remote, path), "utf8"));
  expect((await push()).executions.map(({ outcome }) => outcome)).toEqual(Array(4).fill("occupied"));
  expect(files("entries").map((path) => readFileSync(join(remote, path), "utf8"))).toEqual(before);
});

test("an altered entry is an error for a pull, and a push puts it right", async () => {
  await push(["words"]);
  const [path = ""] = files("entries");
  const text = readFileSync(join(remote, path), "utf8");
  writeFileSync(join(remote, path), text.replace('"count":3', '"count":4'));
  await expect(pull(["words"])).rejects.toMatchObject({ code: "SIGNATURE_BROKEN" });
  expect(await users.decisions()).toEqual(NOTHING);
  await push(["words"]);
  expect(readFileSync(join(remote, path), "utf8")).toBe(text);
});

test("an entry under another's fingerprint is refused", async () => {
  await push(["count"]);
  const [one = "", two = ""] = files("entries");
  renameSync(join(remote, one), join(remote, `${one}.kept`));
  writeFileSync(join(remote, one), readFileSync(join(remote, two)));
  writeFileSync(join(remote, two), readFileSync(join(remote, `${one}.kept`)));
  await expect(pull(["count"])).rejects.toMatchObject({ code: "DOCUMENT_INVALID" });
});

test.each<[string, string, (path: string) => void]>([
  ["is other bytes of the same size", "BLOB_CORRUPT", (path) => writeFileSync(path, "8")],
  ["is longer", "BLOB_CORRUPT", (path) => writeFileSync(path, "9".repeat(1000))],
  ["is shorter", "BLOB_CORRUPT", (path) => writeFileSync(path, "")],
  ["is gone", "BLOB_MISSING", (path) => rmSync(path)],
  [
    "is a link elsewhere",
    "BLOB_MISSING",
    (path) => {
      rmSync(path);
      symlinkSync("/etc/passwd", path);
    },
  ],
])("where a blob %s, nothing of its entry is used", async (_what, code, change) => {
  await push(["words"]);
  change(join(remote, files("blobs")[0] ?? ""));
  await expect(pull(["words"])).rejects.toMatchObject({ code });
  expect(await users.decisions()).toEqual(NOTHING);
  expect(readdirSync(join(users.receiver.root, "cache/work"))).toEqual([]);
  await users.receiving(async (session) => {
    expect(await session.check()).toMatchObject({ ok: true, objects: 0 });
  });
});

test("a blob that was lost is sent again by the next push", async () => {
  await push();
  rmSync(join(remote, files("blobs")[0] ?? ""));
  expect(await push()).toMatchObject({ files: 1 });
  await pull();
  expect(await users.decisions()).toEqual(ALL_HITS);
});

test("two that push at once leave one whole remote", async () => {
  mkdirSync(remote);
  await users.sending(({ exchange }) =>
    Promise.all([
      exchange.push([], { remote }),
      exchange.push([], { remote }),
      exchange.push(["count"], { remote }),
    ]),
  );
  expect(files("entries")).toHaveLength(4);
  expect(readdirSync(join(remote, "sending"))).toEqual([]);
  await pull();
  expect(await users.decisions()).toEqual(ALL_HITS);
});

test("an interrupted pull keeps what was complete, and the next one fetches the rest", async () => {
  await push();
  const stop = new AbortController();
  let told = 0;
  const stopped = users.receiving(({ exchange }, trust) =>
    exchange.pull([], {
      remote,
      trust,
      signal: stop.signal,
      onProgress: () => {
        told += 1;
        if (told === 2) stop.abort();
      },
    }),
  );
  await expect(stopped).rejects.toThrow();
  expect(await users.decisions()).toMatchObject({ words: "hit", report: "run" });
  await pull();
  expect(await users.decisions()).toEqual(ALL_HITS);
});

test("a remote that is not there or not usable is told so", async () => {
  const at = (url: string) => users.receiving(({ exchange }) => exchange.pull([], { remote: url }));
  await expect(at(join(users.directory, "nowhere"))).rejects.toMatchObject({ code: "REMOTE_NOT_FOUND" });
  await expect(at("https://example.org/x")).rejects.toMatchObject({ code: "REMOTE_INVALID" });
  await expect(at("s3://UPPER/x")).rejects.toMatchObject({ code: "REMOTE_INVALID" });
  await expect(users.receiving(({ exchange }) => exchange.pull([]))).rejects.toMatchObject({
    code: "REMOTE_NOT_NAMED",
  });
  await expect(
    users.sending(({ exchange }) => exchange.push([], { remote: join(users.directory, "not/mounted") })),
  ).rejects.toMatchObject({ code: "REMOTE_NOT_FOUND" });
});

test("what has not run cannot be pushed", async () => {
  await expect(users.receiving(({ exchange }) => exchange.push([], { remote }))).rejects.toMatchObject({
    code: "NOTHING_TO_PUSH",
  });
});

test("settings.yaml can name the remote, relative to the project, and the trusted keys", async () => {
  const shared = join(users.receiver.root, "shared");
  await users.sending(({ exchange }) => exchange.push([], { remote: shared }));
  users.receiver.write(
    "settings.yaml",
    `remote:\n  url: shared\ntrustedKeys:\n  - ${await users.keyOf("sender")}\n`,
  );
  await users.receiver.with(({ exchange }) => exchange.pull([]), users.as("receiver"));
  expect(await users.decisions()).toEqual(ALL_HITS);
  rmSync(shared, { recursive: true });
});

/** Dies by SIGKILL at its first progress. */
const VICTIM = `
  import { openSession } from ${JSON.stringify(join(packageRoot, "src/runner/session.ts"))};
  const [verb, projectRoot, compiledDirectory, remote, ...trust] = process.argv.slice(2);
  const session = await openSession({ projectRoot, compiledDirectory });
  await session.exchange[verb]([], { remote, trust, onProgress: () => process.kill(process.pid, "SIGKILL") });`;

async function killedIn(verb: "push" | "pull", user: "sender" | "receiver"): Promise<void> {
  const project = users[user];
  const outfile = join(project.root, "victim.mjs");
  await build({
    stdin: { contents: VICTIM, resolveDir: packageRoot, loader: "ts" },
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    outfile,
    logLevel: "silent",
  });
  const { env, compiledDirectory } = users.as(user);
  const args = [outfile, verb, project.root, compiledDirectory, remote, await users.keyOf("sender")];
  const child = spawn(process.execPath, args, { env, stdio: "ignore" });
  await once(child, "close");
  rmSync(outfile);
  expect(child.signalCode).toBe("SIGKILL");
}

test("a push that is killed in the middle shows nobody anything, and the next one completes it", async () => {
  await killedIn("push", "sender");
  expect(files("entries")).toEqual([]);
  expect(readdirSync(join(remote, "sending"))).toHaveLength(1);
  expect(outcomesOf((await pull()).stages)).toMatchObject({ words: "absent", side: "absent" });
  await push();
  expect(readdirSync(join(remote, "sending"))).toEqual([]);
  await pull();
  expect(await users.decisions()).toEqual(ALL_HITS);
}, 120_000);

test("a pull that is killed in the middle leaves a whole store, and the next one completes it", async () => {
  await push();
  await killedIn("pull", "receiver");
  expect(await users.decisions()).toEqual(NOTHING);
  await users.receiving(async (session) => {
    expect(await session.check({ deep: true })).toMatchObject({ ok: true });
  });
  await pull();
  expect(await users.decisions()).toEqual(ALL_HITS);
}, 120_000);

test("an artifact that was damaged here is not sent", async () => {
  const output = await users.sending((session) => Promise.resolve(session.output("side", "side")));
  const path = join(output?.directory ?? "", "value.txt");
  const text = readFileSync(path, "utf8");
  chmodSync(path, 0o644);
  writeFileSync(path, "evil");
  const report = await push();
  expect(report.unfinished).toEqual(["side"]);
  expect(files("entries")).toHaveLength(3);
  writeFileSync(path, text);
});
