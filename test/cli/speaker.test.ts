/** The process that runs a model for `generate` and `chat`: what it says, how it is stopped, how it dies. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { openSpeaker, type Speaker } from "../../src/cli/speaker/open-speaker.ts";
import type { GenerationOptions } from "../../src/cli/text-generator.ts";
import { createRandom } from "../../src/data/random.ts";
import { openLanguageModel } from "../../src/evaluate/language-model.ts";
import { createNextTokenModel } from "../../src/evaluate/next-token-model.ts";
import { createSmallFolder, endOfText, systemPrompt, type SmallFolder } from "../export/small-folder.ts";
import { openExecutor } from "../model/executors.ts";
import { createDemoProject } from "./demo-project.ts";

const project = createDemoProject();
let small: SmallFolder;
let compiledDirectory = "";
const lines: string[] = [];

beforeAll(async () => {
  small = await createSmallFolder();
  expect(await project.start("plan")).toMatchObject({ exitCode: 0 });
  const compiled = join(project.directory, "cache/compiled");
  const { directory } = JSON.parse(readFileSync(join(compiled, "latest.json"), "utf8")) as {
    directory: string;
  };
  compiledDirectory = join(compiled, directory);
});
afterAll(async () => {
  project[Symbol.dispose]();
  await small[Symbol.asyncDispose]();
});

const voice = { endOfText, systemPrompt };

async function open(directory = small.bundle, signal?: AbortSignal): Promise<Speaker> {
  const env = { ...process.env, PIPELINE_ENGINE: "wasm" };
  const place = { compiledDirectory, env, onLine: (line: string) => lines.push(line), signal };
  const speaker = await openSpeaker({ directory, ...voice }, place);
  onTestFinished(speaker.close);
  return speaker;
}

const options = (maxNewTokens: number, signal = new AbortController().signal): GenerationOptions => ({
  maxNewTokens,
  temperature: 1,
  topK: 0,
  topP: 1,
  repetitionPenalty: 1,
  seed: 4,
  signal,
});

test("it says what the model says in this process, in the same pieces, and nothing on the side", async () => {
  const engine = await openExecutor("wasm");
  await using model = await openLanguageModel(small.bundle, voice, (files) =>
    createNextTokenModel(engine, files),
  );
  const [here, there]: [string[], string[]] = [[], []];
  const { maxNewTokens, seed, ...sampling } = options(16);
  const expected = await model.generate(
    { text: "The river" },
    { maxNewTokens, sampling, random: createRandom(seed) },
    (piece) => here.push(piece),
  );
  const speaker = await open();
  expect(speaker.engine).toBe(`wasm ${engine.identity.version}`);
  const found = await speaker.generate({ prompt: "The river" }, options(16), (piece) => there.push(piece));
  expect(found).toMatchObject(expected);
  expect(there).toEqual(here);
  expect(lines).toEqual([]);
});

test("an abort ends the answer after the token at hand, and the next question is answered", async () => {
  const speaker = await open();
  const controller = new AbortController();
  const { end, tokens } = await speaker.generate({ prompt: "a" }, options(100_000, controller.signal), () =>
    controller.abort(),
  );
  expect(end).toBe("aborted");
  expect(tokens).toBeLessThan(100_000);
  const next = await speaker.generate({ prompt: "a" }, options(3), () => undefined);
  expect(next).toMatchObject({ end: "length", tokens: 3 });
});

test("what it fails with arrives with its code and hint", async () => {
  await expect(open(join(small.bundle, "nowhere"))).rejects.toMatchObject({ message: /no such file/ });
  const speaker = await open();
  const wrong = { ...options(3), topP: 2 };
  await expect(speaker.generate({ prompt: "a" }, wrong, () => undefined)).rejects.toMatchObject({
    code: "SAMPLING_INVALID",
    hint: "topP must be above 0 and at most 1",
    kind: "user",
  });
});

test("an interrupt while the model is opened kills the process, and is what opening fails with", async () => {
  const controller = new AbortController();
  const opening = open(small.bundle, controller.signal);
  controller.abort(new Error("enough"));
  await expect(opening).rejects.toThrow("enough");
  await expect(open(small.bundle, controller.signal)).rejects.toThrow("enough");
});

test("it ends with who started it", async () => {
  const speaker = [join(compiledDirectory, "speaker-process.mjs"), join(compiledDirectory, "watchdog.mjs")];
  const script = `
    const { spawn } = require("node:child_process");
    const [speaker, watchdog] = ${JSON.stringify(speaker)};
    const stdio = ["ignore", "ignore", "ignore", "ipc"];
    const child = spawn(process.execPath, [speaker, watchdog, process.pid], { detached: true, stdio });
    child.on("message", () => console.log(child.pid));
  `;
  const parent = execa(process.execPath, ["-e", script], { reject: false });
  const pid = await new Promise<number>((resolve) => {
    parent.stdout.once("data", (chunk: Buffer) => resolve(Number(chunk.toString())));
  });
  expect(existsSync(`/proc/${pid}`)).toBe(true);
  parent.kill("SIGKILL");
  await parent;
  while (existsSync(`/proc/${pid}`)) await new Promise((resolve) => setTimeout(resolve, 20));
});

test("where it is killed, who waits for an answer is told", async () => {
  const speaker = await open();
  const { pid } = speaker;
  const answer = speaker.generate({ prompt: "a" }, options(100_000), () => process.kill(pid, "SIGKILL"));
  await expect(answer).rejects.toMatchObject({
    code: "SPEAKER_DIED",
    message: "the process that runs the model was killed by SIGKILL",
  });
});
