/** Where a recipe's tokenizer comes from: a file or the Hub, with its ids, and what is refused; or a sample of the corpus. */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer as NativeTokenizer } from "tokenizers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openShards } from "../../src/data/shards/open-shards.ts";
import { startHub } from "../data/sources/hub-server.ts";
import { readGolden } from "../tokenizer/golden.ts";
import { createRealProject, type RealProject } from "./real-project.ts";

const json = readGolden("tokenizer-800.json");
const sha256 = createHash("sha256").update(json).digest("hex");

let project: RealProject;
beforeAll(() => {
  project = createRealProject();
  writeFileSync(join(project.directory, "text/tokenizer.json"), json);
});
afterAll(() => project[Symbol.dispose]());

const executed = async (...set: readonly string[]): Promise<readonly string[]> => {
  const options = set.flatMap((one) => ["--set", one]);
  const events = await project.run("tokenize", ...options);
  return events.flatMap((event) => (event.type === "stage-started" ? [event.stage] : []));
};
const artifact = (path: string) => join(project.directory, "artifacts", path);

/** Ids of all documents one after the other, as the native package gives them. */
async function expectedIds(): Promise<number[]> {
  const native = NativeTokenizer.fromString(json);
  const ids: number[] = [];
  for (const split of ["train", "heldout"])
    for (const line of readFileSync(artifact(`download-sample/corpus/${split}.jsonl`), "utf8")
      .trimEnd()
      .split("\n")) {
      const { text } = JSON.parse(line) as { text: string };
      ids.push(...(await native.encode(text, null, { addSpecialTokens: false })).getIds());
    }
  return ids;
}

async function encodedIds(): Promise<number[]> {
  const shards = await openShards(artifact("tokenize/tokens"), { tokenizerDigest: sha256 });
  try {
    const split = shards.split("documents");
    const ids = new Int32Array(split.totals.tokens);
    await split.read(0, ids.length, ids);
    return [...ids];
  } finally {
    await shards.close();
  }
}

test("a local tokenizer.json encodes the corpus with the ids of the native tokenizers package", async () => {
  const stages = await executed("tokenizer.from=text/tokenizer.json", "tokenizer.vocabSize=800");
  expect(stages).toEqual(["download-sample", "import-tokenizer", "tokenize"]);
  expect(readFileSync(artifact("import-tokenizer/tokenizer/tokenizer.json"), "utf8")).toBe(json);
  const ids = await encodedIds();
  expect(ids.length).toBeGreaterThan(10_000);
  expect(ids).toEqual(await expectedIds());
});

test("the same file from the Hub gives the same artifact, so nothing is encoded again", async () => {
  await using hub = (
    await startHub("owner/tokenizer", { "tokenizer.json": Buffer.from(json) }, undefined, "model")
  ).server;
  process.env["HF_ENDPOINT"] = hub.url;
  try {
    const from = "tokenizer.from=hf:owner/tokenizer@0123456789abcdef0123456789abcdef01234567";
    expect(await executed(from, `tokenizer.sha256=${sha256}`)).toEqual(["import-tokenizer"]);
    const set = ["--set", from, "--set", `tokenizer.sha256=${"f".repeat(64)}`];
    const { exitCode, stdout } = await project.pipeline("run", "tokenize", "--config", "smallest", ...set);
    expect(exitCode).toBe(2);
    expect(stdout).toContain(`error DIGEST_MISMATCH: hf:owner/tokenizer@0123456789abcdef`);
    expect(stdout).toContain(`but this one has ${sha256}`);
  } finally {
    delete process.env["HF_ENDPOINT"];
  }
});

test("one's own file counts by its content: an edit runs what depends on it", async () => {
  const decisions = async () =>
    (await project.plan("tokenize", "--set", "tokenizer.from=text/tokenizer.json")).stages
      .filter(({ decision }) => decision !== "hit")
      .map(({ id }) => id);
  await executed("tokenizer.from=text/tokenizer.json");
  expect(await decisions()).toEqual([]);
  writeFileSync(
    join(project.directory, "text/tokenizer.json"),
    json.replace('"version": "1.0"', '"version":"1.0"'),
  );
  expect((await decisions())[0]).toBe("import-tokenizer");
}, 120_000);

test("a tokenizer that is trained reads no more than the sample that the recipe declares", async () => {
  const set = ["--set", "trainTokenizer.sample={seed: 1, characters: {en: 5000}}"];
  const stdout = JSON.stringify(await project.run("train-tokenizer", ...set));
  const [, characters = "", documents = ""] =
    /trained on (\d+) characters \((\d+) documents\) of en/.exec(stdout) ?? [];
  expect(Number(characters)).toBeGreaterThan(4000);
  expect(Number(characters)).toBeLessThanOrEqual(5000);
  expect(Number(documents)).toBeGreaterThan(10);
  expect(stdout).toMatch(/trained on \d{5,} characters \(\d+ documents\) of zh/); // all of it
});

test.each<[string, (json: Record<string, unknown>) => object, readonly string[]]>([
  [
    "other-model",
    () => ({ model: { type: "WordPiece", vocab: {} }, normalizer: { type: "BertNormalizer" } }),
    ["- normalizer is BertNormalizer, not null or NFC", "- model.type is WordPiece, not BPE"],
  ],
  [
    "no-chat",
    ({ added_tokens }) => ({ added_tokens: (added_tokens as object[]).slice(0, 1) }),
    ["- it has no special token <|im_start|>", "- it has no special token <|im_end|>"],
  ],
])("a tokenizer that differs (%s) is refused with all that differs", async (name, changes, reasons) => {
  const original = JSON.parse(json) as Record<string, unknown>;
  writeFileSync(
    join(project.directory, `text/${name}.json`),
    JSON.stringify({ ...original, ...changes(original) }),
  );
  const set = ["--set", `tokenizer.from=text/${name}.json`];
  const { exitCode, stdout } = await project.pipeline("run", "tokenize", "--config", "smallest", ...set);
  expect(exitCode).toBe(2);
  expect(stdout).toContain("error TOKENIZER_UNSUPPORTED: This tokenizer.json cannot be used:");
  for (const reason of reasons) expect(stdout).toContain(reason);
});

test.each([
  ["hf:owner/name", [], "a Hub repository is pinned to a commit"],
  [
    `hf:owner/name@${"a".repeat(40)}`,
    [],
    `curl -L https://huggingface.co/owner/name/resolve/${"a".repeat(40)}`,
  ],
])("%s is refused before anything runs", async (from, more, message) => {
  const { exitCode, stderr } = await project.pipeline("plan", "--set", `tokenizer.from=${from}`, ...more);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(message);
});

test("estimate needs to be told how many entries such a tokenizer has", async () => {
  const estimate = (...set: string[]) =>
    project.pipeline("estimate", "--config", "smallest", "--json", ...set.flatMap((one) => ["--set", one]));
  const unknown = await estimate("tokenizer.from=text/tokenizer.json");
  expect(unknown.exitCode).toBe(2);
  expect(unknown.stderr).toContain("VOCABULARY_UNKNOWN");
  const parameters = async (...set: string[]) =>
    (JSON.parse((await estimate(...set)).stdout) as { parameters: { total: number } }).parameters.total;
  const [own, other] = [
    await parameters(),
    await parameters("tokenizer.from=text/tokenizer.json", "tokenizer.vocabSize=800"),
  ];
  expect(other - own).toBe((800 - 400) * 32);
});
