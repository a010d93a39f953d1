import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import type { Generation, TextGenerators } from "../../src/cli/text-generator.ts";
import { captureStreams } from "./captured-streams.ts";
import { createDemoProject } from "./demo-project.ts";

/** Says what it was given; the model itself is tested where it lives. */
const echo = {
  stageIds: ["count"],
  closed: 0,
  open: (_session, stageId) =>
    Promise.resolve({
      description: `an echo of ${stageId ?? "the default"}`,
      generate(
        input,
        { seed, maxNewTokens, temperature, topK, topP, repetitionPenalty },
        onText,
      ): Promise<Generation> {
        const pieces =
          "prompt" in input
            ? [" and", ` ${[maxNewTokens, temperature, topK, topP, repetitionPenalty, seed].join(" ")}`]
            : input.messages.map(({ role, content }) => `[${role} ${content}]`).concat(`${seed}`);
        pieces.forEach(onText);
        return Promise.resolve({
          text: pieces.join(""),
          tokens: pieces.length,
          durationMs: 5,
          end: "length",
        });
      },
      close: () => {
        echo.closed++;
        return Promise.resolve();
      },
    }),
} satisfies TextGenerators & { closed: number };

const project = createDemoProject();
afterAll(() => project[Symbol.dispose]());
let compiledDirectory = "";

beforeAll(async () => {
  expect(await project.start("plan")).toMatchObject({ exitCode: 0 });
  const compiled = join(project.directory, "cache/compiled");
  const { directory } = JSON.parse(readFileSync(join(compiled, "latest.json"), "utf8")) as {
    directory: string;
  };
  compiledDirectory = join(compiled, directory);
});

async function speak(input: string, ...commandLine: string[]) {
  const streams = captureStreams(input);
  const host = { projectRoot: project.directory, packageRoot: project.directory, compiledDirectory };
  const exitCode = await main(commandLine, host, { streams, env: {}, textGenerators: echo });
  return { exitCode, ...(await streams.written()) };
}

test("generate continues the text with the settings that were asked for, and closes the model", async () => {
  const before = echo.closed;
  expect(await speak("", "generate", "Once")).toEqual({
    exitCode: 0,
    stdout: "Once and 128 0.8 50 0.95 1 0\n",
    stderr: "",
  });
  expect(echo.closed).toBe(before + 1);
  const settings = [
    "--max-tokens",
    "7",
    "--temperature",
    "0",
    "--top-k",
    "3",
    "--top-p",
    "0.5",
    "--repetition-penalty",
    "1.2",
    "--seed",
    "9",
  ];
  expect((await speak("", "generate", "春", ...settings)).stdout).toBe("春 and 7 0 3 0.5 1.2 9\n");
});

test("generate --json is one object", async () => {
  const { stdout } = await speak("", "generate", "Once", "--stage", "count", "--json");
  expect(JSON.parse(stdout)).toEqual({
    model: "an echo of count",
    prompt: "Once",
    text: " and 128 0.8 50 0.95 1 0",
    tokens: 2,
    durationMs: 5,
    end: "length",
  });
});

test("settings that make no sense are the user's mistake", async () => {
  for (const wrong of [
    ["--temperature", "-1"],
    ["--temperature", "hot"],
    ["--top-k", "-1"],
    ["--top-k", "2.5"],
    ["--top-p", "0"],
    ["--top-p", "1.5"],
    ["--repetition-penalty", "0"],
    ["--repetition-penalty", "Infinity"],
    ["--seed", "x"],
    ["--seed", "-1"],
    ["--max-tokens", "0"],
  ])
    expect(await speak("", "generate", "a", ...wrong)).toMatchObject({
      exitCode: 2,
      stdout: "",
      stderr: expect.stringContaining(wrong[0] ?? "") as string,
    });
});

test("chat keeps the conversation, a turn a line, each with a seed of its own", async () => {
  const { exitCode, stdout } = await speak("hi\n\nwho?\n", "chat", "--system", "Be kind.");
  expect(exitCode).toBe(0);
  expect(stdout.split("\n")).toEqual([
    "[system Be kind.][user hi]0",
    "[system Be kind.][user hi][assistant [system Be kind.][user hi]0][user who?]1",
    "",
  ]);
});

test("chat: /new forgets, /exit ends, another slash explains", async () => {
  const { stdout, stderr } = await speak("one\n/new\ntwo\n/what\n/exit\nthree\n", "chat");
  expect(stdout).toBe("[user one]0\n[user two]0\n");
  expect(stderr).toBe("a new conversation\n/new starts over, /exit ends; Ctrl-C stops an answer\n");
});

test("chat --json answers one object a turn", async () => {
  const { stdout } = await speak("a\nb\n", "chat", "--json");
  const turns = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { user: string; text: string });
  expect(turns.map(({ user }) => user)).toEqual(["a", "b"]);
});

test("before any model has finished, the answer names the command that makes one", async () => {
  const streams = captureStreams();
  const host = { projectRoot: project.directory, packageRoot: project.directory, compiledDirectory };
  expect(await main(["chat"], host, { streams, env: {} })).toBe(2);
  const { stderr } = await streams.written();
  expect(stderr).toContain("NO_MODEL");
  expect(stderr).toContain("hint: npx pipeline run dpo");
});
