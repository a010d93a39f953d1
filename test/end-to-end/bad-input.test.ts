/** What a person sees of a mistake: code, place and next step on standard error or in the run's summary; exit code 2. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { startServer } from "../data/sources/http-server.ts";
import { createRealProject, packageRoot, type RealProject } from "./real-project.ts";

let project: RealProject;
beforeAll(() => {
  project = createRealProject();
  const write = (path: string, text: string | Uint8Array) => {
    writeFileSync(join(project.directory, path), text);
  };
  write("configs/misspelt.yaml", "extends: tiny.yaml\npretrain:\n  stesp: 3\n");
  write("configs/malformed.yaml", "extends: tiny.yaml\npretrain: [1, 2\n");
  write("configs/round.yaml", "extends: about.yaml\n");
  write("configs/about.yaml", "extends: round.yaml\n");
  write("configs/heads.yaml", "extends: tiny.yaml\npretrain:\n  model: { hiddenSize: 128, numHeads: 5 }\n");
  write("text/empty.txt", "\n\n");
  write("text/slides.pdf", "%PDF-1.7");
  const damaged = [
    '{"text": "caf\xe9 has no valid byte"}',
    '{"text": "a \\u0000 inside"}',
    "no JSON",
    '{"txt": 1}',
  ];
  write("text/damaged.jsonl", Buffer.from(`${damaged.join("\n")}\n`, "latin1"));
});
afterAll(() => project[Symbol.dispose]());

test.each([
  [
    "plan pretain",
    /^error UNKNOWN_TARGET: pretain is no stage .*there are: .*pretrain/m,
    /did you mean pretrain\?/,
  ],
  [
    "plan --set pretrain.stesp=3",
    /^error CONFIG_INVALID: --set:1:10: unknown key pretrain.stesp; did you mean steps\?\n {2}> 1 \| pretrain\.stesp=3\n/m,
    /correct the place shown/,
  ],
  [
    "plan --set pretrain.steps=many",
    /--set:1:16: pretrain\.steps: expected number, received string/,
    /correct the place shown/,
  ],
  [
    "plan --config misspelt",
    /configs\/misspelt\.yaml:3:3: unknown key pretrain\.stesp; did you mean steps\?\n.*\n {2}> 3 \| {3}stesp: 3\n/,
    /correct the place shown/,
  ],
  [
    "estimate misspelt",
    /configs\/misspelt\.yaml:3:3: unknown key pretrain\.stesp/,
    /correct the place shown/,
  ],
  [
    "engine dump sft --set sft.microBatchSize=1000000000",
    /^error RECIPE_TOO_LARGE: sft needs at least /m,
    /a smaller sft\.microBatchSize/,
  ],
  ["plan --config malformed", /^error CONFIG_SYNTAX: configs\/malformed\.yaml:3:1: /m, /well-formed YAML/],
  ["plan --config tinny", /^error CONFIG_NOT_FOUND: there is no config tinny/m, /did you mean tiny\?/],
  [
    "plan --config round",
    /^error CONFIG_EXTENDS_CYCLE: .*configs\/round\.yaml → configs\/about\.yaml → configs\/round\.yaml/m,
    /take one of these extends out/,
  ],
  [
    "run --config heads",
    /configs\/heads\.yaml:3:10: pretrain\.model: numHeads \(5\) does not divide hiddenSize \(128\)/,
    /correct the place shown/,
  ],
  [
    "run --set sft.sequenceLength=4096",
    /--set:1:20: sft\.sequenceLength: 4096 tokens are more than pretrain\.model\.contextLength \(\d+\)/,
    /correct the place shown/,
  ],
  [
    "plan --set dpo.heldOutFraction=0.2",
    /--set:1:21: dpo\.heldOutFraction: 0\.2 is more than downloadSample\.filters\.decontamination\.heldOutPreferences \(0\.1\)/,
    /correct the place shown/,
  ],
])("%s", async (commandLine, message, hint) => {
  const { exitCode, stdout, stderr } = await project.pipeline(...commandLine.split(" "));
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(stderr).toMatch(message);
  expect(stderr.slice(stderr.indexOf("hint: "))).toMatch(hint);
});

const textAt = (path: string) =>
  `downloadSample.sources=[{kind: local, path: ${path}, language: en, category: c, characters: 1000}]`;

test.each([
  ["text/nowhere.txt", "FILE_NOT_FOUND", "text/nowhere.txt: there is no such file or folder."],
  ["text/empty.txt", "EMPTY_CORPUS", "local:text/empty.txt: no text was left of what its files hold."],
  ["text/slides.pdf", "FILE_KIND_UNKNOWN", "text/slides.pdf: files that are read are .parquet"],
])("one's own text at %s: %s, and what needs it is not started", async (path, code, message) => {
  const { exitCode, stdout } = await project.pipeline("run", "tokenize", "--set", textAt(path));
  expect(exitCode).toBe(2);
  expect(stdout).toContain(`\nerror ${code}: ${message}`);
  expect(stdout).toMatch(/^hint: ./m);
  expect(stdout).toContain("tokenize: skipped: download-sample did not finish");
  expect(stdout).toMatch(/finished stages stay cached; correct that and run again$/);
});

test("invalid UTF-8, NULs and lines that are no documents are counted, not fatal", async () => {
  const { exitCode, stdout } = await project.pipeline(
    "run",
    "download-sample",
    "--set",
    textAt("text/damaged.jsonl"),
  );
  expect(exitCode).toBe(0);
  expect(stdout).toContain("documents left out: 1 (no JSON object), 1 (no field “text”)");
  expect(stdout).toContain("documents mended: 1 (controlCharacters), 1 (invalidUtf8)");
  const corpus = join(project.directory, "artifacts/download-sample/corpus");
  const manifest: unknown = JSON.parse(readFileSync(join(corpus, "manifest.json"), "utf8"));
  expect(manifest).toMatchObject({
    read: { records: 4 },
    dropped: { "no JSON object": { records: 1 }, "no field “text”": { records: 1 } },
    repaired: { controlCharacters: 1, invalidUtf8: 1 },
  });
  const card = readFileSync(join(corpus, "README.md"), "utf8");
  expect(card).toContain("| dropped: no JSON object | 1 |");
  expect(card).toContain("| dropped: no field “text” | 1 |");
});

test("without a network: a code, the package and what to do; exit code 1", async () => {
  const { exitCode, stdout } = await project.pipeline("run", "download-sample");
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/^error NETWORK_UNAVAILABLE: npm view \S+@\S+ failed: .*ECONNREFUSED/m);
  expect(stdout).toMatch(/^hint: Check the network/m);
  expect(stdout).toContain("finished stages stay cached; go on with npx pipeline run download-sample");
});

test("a token that the Hub refuses: where it came from, what to do, and its value nowhere", async () => {
  const hub = await startServer((_request, response) => {
    response.writeHead(401, { "content-type": "application/json" }).end('{"error":"Invalid credentials"}');
  });
  onTestFinished(() => hub[Symbol.asyncDispose]());
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  vi.stubEnv("HF_ENDPOINT", hub.url);
  vi.stubEnv("HF_TOKEN", "hf_verysecret");
  const source =
    "kind: huggingface, dataset: texts, repository: team/set, revision: main, files: data/, language: en, category: c, characters: 1000";
  const set = `downloadSample.sources=[{${source}}]`;
  const { exitCode, stdout, stderr } = await project.pipeline("run", "download-sample", "--set", set);
  expect(exitCode).toBe(2);
  expect(hub.requests.map(({ headers }) => headers.authorization)).toEqual(["Bearer hf_verysecret"]);
  expect(stdout).toMatch(
    /^error HUB_ACCESS_DENIED: hf:team\/set refuses access \(401\) with the token of HF_TOKEN\.$/m,
  );
  expect(stdout).toMatch(/^hint: The token of HF_TOKEN was sent and is not accepted: /m);
  expect(stdout + stderr).not.toContain("verysecret");
  const written = readdirSync(project.directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("node_modules"))
    .map((entry) => join(entry.parentPath, entry.name));
  expect(written.length).toBeGreaterThan(100);
  expect(written.filter((path) => readFileSync(path).includes("verysecret"))).toEqual([]);
});

const recipes = readdirSync(join(packageRoot, "configs"))
  .filter((file) => file.endsWith(".yaml"))
  .map((file) => file.replace(/\.yaml$/, ""));

test.each(recipes)("the recipe %s parses and plans every stage", async (recipe) => {
  const { exitCode, stdout, stderr } = await project.pipeline("plan", "--config", recipe, "--json");
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  const plan = JSON.parse(stdout) as { stages: { id: string; decision: string }[] };
  expect(plan.stages.map(({ id }) => id)).toEqual(
    expect.arrayContaining([
      "download-sample",
      "tokenize",
      "shard",
      "pretrain",
      "sft",
      "dpo",
      "eval",
      "export",
    ]),
  );
});
