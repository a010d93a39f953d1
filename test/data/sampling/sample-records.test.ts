/** Conversations and pairs out of JSON Lines, drawn by two readings; every line is accounted for. */
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test, vi } from "vitest";
import { readConversations, readPreferences } from "../../../src/data/documents/dataset.ts";
import { downloadSample } from "../../../src/data/sampling/download-sample.ts";
import { downloadSampleParams } from "../../../src/data/sampling/sample-params.ts";
import { collect } from "../../../src/std/collect.ts";
import { temporaryDirectory } from "../sources/temporary-directory.ts";
import { serveHub } from "./industry-repository.ts";
import { sampleDirectories } from "./sample-directories.ts";
import { startModelScope } from "../sources/modelscope-server.ts";

const hub = { kind: "huggingface", repository: "team/set", revision: "main" } as const;

async function run(source: object, seed = 1) {
  const outputs = await sampleDirectories();
  const folder = await temporaryDirectory();
  await writeFile(join(folder, "a.txt"), "A document, without which there is no sample.");
  const local = { kind: "local", path: folder, language: "en", category: "notes", characters: 100 };
  const manifests = await downloadSample(
    downloadSampleParams.parse({ seed, heldOutFraction: 0, onShortfall: "report", sources: [local, source] }),
    {
      cacheDir: await temporaryDirectory(),
      workDirectory: join(await temporaryDirectory(), "work"),
      outputs,
      retry: { retries: 1, minTimeoutMs: 1 },
    },
  );
  return { manifests, outputs };
}

const turn = (index: number) =>
  JSON.stringify({ instruction: `问题${index}`, input: "", output: `回答${index}` });

test("deepctrl's lines are drawn by content, not from the beginning, and the others counted by reason", async () => {
  const lines = Array.from({ length: 1000 }, (_, index) => turn(index));
  lines.splice(10, 0, '{"instruction":"only"}', "no json", "", '{"instruction":"\\ud800","output":"x"}');
  await serveHub("team/set", {
    "sft_data_zh.jsonl.gz": gzipSync(lines.join("\n")),
    "sft_data_en.jsonl": Buffer.from(""),
  });
  const source = { ...hub, dataset: "deepctrl", files: "sft_data_zh", language: "zh", conversations: 100 };
  const { manifests, outputs } = await run(source);
  const { conversations } = manifests;
  const drawn = await collect(readConversations(outputs.conversations));
  expect(drawn).toHaveLength(100);
  expect(drawn.every(({ language }) => language === "zh")).toBe(true);
  const numbers = drawn.map(({ messages }) => Number(/\d+/u.exec(messages[0]?.content ?? "")?.[0]));
  expect(new Set(numbers).size).toBe(100);
  expect(Math.max(...numbers)).toBeGreaterThan(900);
  expect(conversations.asked).toBe(100);
  expect(conversations.read.records).toBe(1003);
  expect(
    Object.fromEntries(
      Object.entries(conversations.dropped).map(([reason, { records }]) => [reason, records]),
    ),
  ).toEqual({
    "not drawn": 900,
    "fields are not as they should be": 1,
    "no JSON object": 1,
    "lone surrogates": 1,
  });
  const again = await run(source);
  expect(again.manifests.conversations.files).toEqual(conversations.files);
  const other = await run(source, 2);
  expect(other.manifests.conversations.files[0]?.sha256).not.toBe(conversations.files[0]?.sha256);
});

test("deepctrl's lines come from ModelScope as from the Hub, at the commit that the manifest names", async () => {
  const lines = Buffer.from(Array.from({ length: 300 }, (_, index) => turn(index)).join("\n"));
  const scope = await startModelScope("deepctrl/deepctrl-sft-data", { "sft_data_zh.jsonl": lines });
  vi.stubEnv("MODELSCOPE_ENDPOINT", scope.server.url);
  vi.stubEnv("MODELSCOPE_HOME", "/no/such/home");
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await scope.server[Symbol.asyncDispose]();
  });
  const { manifests } = await run({
    kind: "modelscope",
    repository: "deepctrl/deepctrl-sft-data",
    revision: "master",
    dataset: "deepctrl",
    files: "sft_data_zh",
    language: "zh",
    conversations: 40,
  });
  expect(manifests.conversations.files[0]?.records).toBe(40);
  expect(manifests.conversations.sources.at(-1)).toEqual({
    name: "modelscope:deepctrl/deepctrl-sft-data",
    revision: scope.head(),
    asked: "master",
    files: [
      {
        path: "sft_data_zh.jsonl",
        digest: `sha256:${createHash("sha256").update(lines).digest("hex")}`,
        bytes: lines.length,
      },
    ],
  });
});

test("openbmb's lines become pairs; where none can be used it is NO_RECORDS", async () => {
  const completion = (response: string, score: number, mean: number) => ({
    response,
    overall_score: score,
    "fine-grained_score": mean,
  });
  const row = (index: number) =>
    JSON.stringify({
      source: "evol_instruct",
      instruction: `Q${index}`,
      models: [],
      completions: [
        completion("good", 8, 4),
        completion("bad", 2, 1),
        completion("ten", 10, index === 3 ? 1 : 4.5),
      ],
    });
  await serveHub("team/set", {
    "evol_instruct.jsonl": Buffer.from([0, 1, 2, 3].map(row).join("\n")),
    "x.jsonl": Buffer.from("{}"),
  });
  const source = { ...hub, dataset: "ultrafeedback", files: "evol", preferences: 10 };
  const { manifests, outputs } = await run(source);
  const pairs = await collect(readPreferences(outputs.preferences));
  expect(pairs.map(({ chosen }) => chosen)).toEqual(["ten", "ten", "ten"]);
  expect(manifests.preferences.dropped).toMatchObject({
    "a score of 10 that the fine-grained scores deny": { records: 1 },
  });
  await expect(run({ ...source, files: "x" })).rejects.toMatchObject({ code: "NO_RECORDS" });
  await expect(run({ ...source, files: "no such" })).rejects.toMatchObject({ code: "NO_RECORDS" });
});
