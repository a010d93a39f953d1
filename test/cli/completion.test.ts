/** Shell completion: the scripts in real shells, and the words that are looked up while a person types. */
import { execFileSync } from "node:child_process";
import { existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commandTable } from "../../src/cli/completion/command-table.ts";
import { noPaint } from "../../src/cli/paint.ts";
import { createProgram } from "../../src/cli/program.ts";
import { packageRoot, Project } from "../runner/project.ts";
import { captureStreams } from "./captured-streams.ts";

const project = new Project();
const bin = join(packageRoot, "bin/pipeline.js");
const pipeline = (...args: string[]) =>
  execa(process.execPath, [bin, ...args], { cwd: project.root, reject: false, stdin: "ignore" });
const scriptFile = (shell: string): string => join(project.root, `completion.${shell}`);

const installed = (shell: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, shell)));

const hit = "20260101T000000Z-aaaaaa";
const later = "20260102T000000Z-bbbbbb";

beforeAll(async () => {
  project.edit(
    "pipeline.ts",
    "return { summary, other };",
    'p.matrix({ seed: [1, 2] }, (q) => q.add(side, { id: "eval", inputs: {}, params: config.side }));\n return { summary, other };',
  );
  for (const run of [hit, later]) project.write(`cache/logs/${run}/events.jsonl`, "");
  project.write("cache/logs/notes.txt", "");
  project.write("configs/small.yaml", "words:\n  count: 4\n");
  project.write("configs/$(touch evaluated).yaml", "words: {}\n");
  expect(await pipeline("plan")).toMatchObject({ exitCode: 0 });
  for (const shell of ["bash", "zsh", "fish"]) {
    const { exitCode, stdout } = await pipeline("completion", shell);
    expect(exitCode).toBe(0);
    writeFileSync(scriptFile(shell), `${stdout}\n`);
  }
}, 120_000);
afterAll(() => project.remove());

/** What bash offers at the end of `line`; words are broken as readline breaks them. */
function offered(line: string, script = scriptFile("bash")): readonly string[] {
  const words: string[] = line.match(/[=:@]|[^\s=:@]+/g) ?? [];
  if (/\s$/.test(line)) words.push("");
  const program = `
    source ${JSON.stringify(script)}
    registered=$(complete -p "$1")
    [[ $registered =~ -F\\ ([^ ]+) ]] || exit 9
    COMP_LINE=$2 COMP_POINT=\${#2}
    shift 2
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    "\${BASH_REMATCH[1]}" || exit 8
    [[ \${#COMPREPLY[@]} -eq 0 ]] || printf '%s\\n' "\${COMPREPLY[@]}"`;
  const [command = ""] = words;
  const args = ["--norc", "-c", program, "bash", command, line, ...words];
  return execFileSync("bash", args, { cwd: project.root, encoding: "utf8" }).split("\n").slice(0, -1);
}

test.each([
  ["pipeline pla", ["plan"]],
  ["pipeline engine l", ["list"]],
  ["pipeline config s", ["schema", "show"]],
  ["pipeline completion ", ["bash", "zsh", "fish"]],
  ["pipeline run --exec", ["--executor"]],
  ["pipeline run --executor ", ["local", "slurm"]],
  ["pipeline run --executor=s", ["slurm"]],
  ["pipeline run --jobs ", []],
  ["pipeline run wo", ["words"]],
  ["pipeline run words su", ["summary"]],
  ["pipeline --verbose run --keep-going re", ["report"]],
  ["pipeline run --force co", ["count"]],
  ["pipeline run --jobs 2 --only si", ["side"]],
  ["pipeline run eval@", ["seed=1", "seed=2"]],
  ["pipeline run eval@seed=", ["1", "2"]],
  ["pipeline why oth", ["other"]],
  ["pipeline verify wo", ["words"]],
  ["pipeline logs oth", []],
  ["pipeline logs cou", ["count"]],
  ["pipeline logs count --run l", ["latest"]],
  ["pipeline diff ", ["latest", later, hit]],
  [`pipeline diff latest ${hit.slice(0, 8)}`, [hit]],
  [`pipeline diff ${hit} ${later} `, []],
  ["pipeline attach 20260102", [later]],
  ["pipeline run --config sm", ["small"]],
  ["pipeline run --config=sm", ["small"]],
  ["pipeline estimate sm", ["small"]],
  ["pipeline run --config stag", ["stages"]],
  ["pipeline peek pipe", ["pipeline.ts"]],
  ["pipeline peek --li", ["--limit"]],
  ["pipeline import-run pipe", ["pipeline.ts"]],
  ["npx pipeline stat", ["status"]],
  ["npx pipeline run wo", ["words"]],
  ["npx tsc --no", []],
  ["pipeline nothing-known ", []],
])("bash: %s → %j", (line, words) => {
  expect(offered(line)).toEqual(words);
});

/** What fish offers at the end of `line`, and what it says of the script. */
const offeredByFish = (line: string): string =>
  execFileSync(
    "fish",
    ["--no-config", "-c", 'source "$argv[1]" 2>&1; complete -C "$argv[2]"', scriptFile("fish"), line],
    {
      cwd: project.root,
      encoding: "utf8",
    },
  );

/** What zsh is handed at the end of `line`, before it filters; its completion system is played. */
function offeredByZsh(line: string): string {
  const program = `
    compdef() { :; }; _default() { print -r -- default; }; _files() { print -r -- files; }
    compadd() { print -rl -- "\${(@P)argv[-1]}"; }
    _describe() { print -rl -- "\${(@P)argv[-1]}"; }
    compset() { words[CURRENT]="\${words[CURRENT]#*=}"; }
    typeset -A _comps
    source "$1"
    shift
    words=("$@") CURRENT=$#
    if [[ $1 == npx ]]; then _pipeline_behind_npx; else _pipeline; fi; true`;
  return execFileSync("zsh", ["-f", "-c", program, "zsh", scriptFile("zsh"), ...line.split(" ")], {
    cwd: project.root,
    encoding: "utf8",
  });
}

const matching = (line: string, offers: string): readonly string[] => {
  const typed = line.slice(Math.max(line.lastIndexOf(" "), line.lastIndexOf("=")) + 1);
  const words = offers.split("\n").slice(0, -1);
  const plain = words.map((word) => word.replace(/[\t:].*$/s, "").replace(/^--[a-z-]+=/, ""));
  return plain.filter((word) => word.startsWith(typed)).sort();
};

describe.each([
  ["zsh", offeredByZsh],
  ["fish", offeredByFish],
] as const)("%s", (shell, offers) => {
  const here = installed(shell);
  test.skipIf(!here).each([
    ["pipeline pla", ["plan"]],
    ["pipeline engine l", ["list"]],
    ["pipeline config s", ["schema", "show"]],
    ["pipeline run --exec", ["--executor"]],
    ["pipeline run --executor ", ["local", "slurm"]],
    ["pipeline run --executor=s", ["slurm"]],
    ["pipeline run --jobs ", []],
    ["pipeline run wo", ["words"]],
    ["pipeline --verbose run --keep-going re", ["report"]],
    ["pipeline run --force co", ["count"]],
    ["pipeline diff ", ["latest", later, hit].sort()],
    ["pipeline attach 20260102", [later]],
    ["pipeline run --config sm", ["small"]],
    ["npx pipeline stat", ["status"]],
    ["npx pipeline run wo", ["words"]],
  ])(`${shell}${here ? "" : " (not installed here)"}: %s → %j`, (line, words) => {
    expect(matching(line, offers(line))).toEqual(words);
  });
});

test("a word that a shell would evaluate is offered to none, and not evaluated", () => {
  expect(offered("pipeline run --config $")).toEqual([]);
  expect(offered("pipeline config show --config ")).toEqual(expect.arrayContaining(["small", "test"]));
  expect(existsSync(join(project.root, "evaluated"))).toBe(false);
});

test("what completes npx already stays", () => {
  const program = `theirs() { :; }; complete -F theirs npx; source "$1"; complete -p npx`;
  const args = ["--norc", "-c", program, "bash", scriptFile("bash")];
  expect(execFileSync("bash", args, { encoding: "utf8" })).toContain("-F theirs npx");
});

test("every command, subcommand and option of the program is in every script", () => {
  const streams = captureStreams();
  const host = { projectRoot: project.root, packageRoot, compiledDirectory: "" };
  const context = { host, commandLine: [], streams, env: {}, workingDirectory: project.root, verbose: false };
  const unused = {
    paint: noPaint,
    errorPaint: noPaint,
    textGenerators: { stageIds: [], open: () => Promise.reject(new Error("no model")) },
  };
  // Throws where it is not decided what an argument stands for.
  const table = commandTable(createProgram({ ...context, ...unused }, () => undefined));
  const wanted = table.flatMap(({ subcommands, options }) => [
    ...subcommands.map(({ name }) => name),
    ...options.map(({ flag }) => flag.slice(2)),
  ]);
  expect(wanted).toEqual(expect.arrayContaining(["run", "engine", "install", "executor", "older-than"]));
  for (const shell of ["bash", "zsh", "fish"]) {
    const script = project.read(`completion.${shell}`);
    expect(wanted.filter((word) => !script.includes(word))).toEqual([]);
  }
});

test("words are written only when they changed", async () => {
  const file = join(project.root, "cache/compiled/words.json");
  const { ino } = statSync(file);
  await pipeline("plan", "--set", "words.count=9");
  expect(statSync(file).ino).toBe(ino);
});

test("the words come before anything is compiled, and nothing is said where nothing is there", async () => {
  const words = await pipeline("completion-words", "targets");
  expect(words).toMatchObject({ exitCode: 0, stderr: "" });
  expect(words.stdout.split("\n")).toEqual([
    "words",
    "count",
    "report",
    "side",
    "eval@seed=1",
    "eval@seed=2",
    "summary",
    "other",
  ]);
  const compiled = join(project.root, "cache/compiled");
  writeFileSync(join(compiled, "words.json"), '{"targets":');
  expect(await pipeline("completion-words", "targets")).toMatchObject({
    exitCode: 0,
    stdout: "",
    stderr: "",
  });
  rmSync(join(project.root, "cache"), { recursive: true });
  for (const kind of ["targets", "stages", "runs", "no-such-kind"])
    expect(await pipeline("completion-words", kind)).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
  expect(existsSync(join(project.root, "cache"))).toBe(false);
});

test.each([["bash"], ["zsh"], ["fish"]].filter(([shell = ""]) => installed(shell)))(
  "%s can read its script",
  (shell) => {
    execFileSync(shell, ["-n", scriptFile(shell)]);
  },
);
test.skip.each([["zsh"], ["fish"]].filter(([shell = ""]) => !installed(shell)))(
  "%s can read its script: it is not installed here",
  () => undefined,
);
