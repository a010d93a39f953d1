/** What the Slurm executor is made of, without Slurm: arguments, script, parsing, files, failures. */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { batchScript } from "../../src/runner/executors/slurm/batch-script.ts";
import { jobFailure } from "../../src/runner/executors/slurm/job-failure.ts";
import {
  JOB_PROTOCOL,
  jobFiles,
  readAnswer,
  readJob,
  type JobFile,
} from "../../src/runner/executors/slurm/job-files.ts";
import { parseQueue, parseShownJob } from "../../src/runner/executors/slurm/queue-entry.ts";
import { QueueWatch } from "../../src/runner/executors/slurm/queue-watch.ts";
import { submitArguments } from "../../src/runner/executors/slurm/submit-arguments.ts";
import { Tail } from "../../src/runner/executors/slurm/tail.ts";
import { defaultSlurmSettings, type SlurmSettings } from "../../src/runner/settings.ts";
import { Project } from "./project.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "slurm-parts-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const argumentsFor = (
  resources: Parameters<typeof submitArguments>[1],
  settings: Partial<SlurmSettings> = {},
): string[] =>
  submitArguments({ fingerprint: "f00d", attempt: "run-1", directory: "/p" }, resources, {
    ...defaultSlurmSettings(),
    ...settings,
  });

test("a job asks for what its stage declares, rounded up", () => {
  const asked = argumentsFor({ cpus: 4, memoryBytes: 1024 * 1024 + 1, accelerators: 2, timeLimitMs: 61_000 });
  expect(asked).toEqual(
    expect.arrayContaining(["--cpus-per-task=4", "--mem=2M", "--gres=gpu:2", "--time=2", "--job-name=f00d"]),
  );
});

test("cpus: Infinity is a node for itself, or as many CPUs as the settings say", () => {
  expect(argumentsFor({ cpus: Infinity })).toEqual(expect.arrayContaining(["--exclusive", "--mem=0"]));
  const some = argumentsFor({ cpus: Infinity }, { allCpus: 16 });
  expect(some).toContain("--cpus-per-task=16");
  expect(some).not.toContain("--exclusive");
});

test("gres: null asks for no accelerators, and the user's own arguments come last", () => {
  const asked = argumentsFor({ accelerators: 1 }, { gres: null, arguments: ["--qos=high"] });
  expect(asked.filter((argument) => argument.startsWith("--gres"))).toEqual([]);
  expect(asked.at(-1)).toBe("--qos=high");
});

test("the time limit of the settings holds where the stage has none", () => {
  expect(argumentsFor({}, { timeLimit: "04:00:00" })).toContain("--time=04:00:00");
  expect(argumentsFor({ timeLimitMs: 60_000 }, { timeLimit: "04:00:00" })).toContain("--time=1");
});

test("the batch script is bash, whatever the paths hold", () => {
  const odd = join(directory, "it's $HOME & more");
  mkdirSync(odd);
  const script = batchScript({
    directory: odd,
    projectRoot: odd,
    node: "/bin/echo",
    stageProcess: "x.mjs",
    setup: ['printf %s "$GLIBC_TUNABLES" >tuned'],
    malloc: "general",
  });
  execFileSync("bash", ["-n", "-c", script]);
  const { GLIBC_TUNABLES: _own, ...env } = process.env;
  execFileSync("bash", ["-c", script], { env: { ...env, SLURM_JOB_ID: "12" } });
  const read = (path: string) => execFileSync("cat", [path], { encoding: "utf8" });
  expect(read(join(odd, "tuned"))).toBe("glibc.malloc.hugetlb=1");
  expect(read(jobFiles(odd).stdout)).toBe(`--enable-source-maps x.mjs files ${odd}\n`);
  expect(read(jobFiles(odd).jobId)).toBe("12");
});

test("a line of squeue is a job, also with a separator in its directory; what is no job is passed over", () => {
  expect(parseQueue("7|f00d|PENDING|Resources|run-1|/a|b\n\nslurm says\n")).toEqual([
    { id: "7", name: "f00d", state: "PENDING", reason: "Resources", comment: "run-1", directory: "/a|b" },
  ]);
});

test("scontrol's line tells state, reason, exit code and node", () => {
  const text = "JobId=7 JobName=f00d UserId=a(1) JobState=NODE_FAIL Reason=None ExitCode=0:9 BatchHost=n1";
  expect(parseShownJob(text)).toEqual({
    name: "f00d",
    state: "NODE_FAIL",
    reason: "None",
    exitCode: "0:9",
    node: "n1",
  });
  expect(parseShownJob("slurm_load_jobs error: Invalid job id specified")).toBeUndefined();
});

test.each([
  ["OUT_OF_MEMORY", "SLURM_OUT_OF_MEMORY", "memoryBytes"],
  ["TIMEOUT", "SLURM_TIMEOUT", "signalSecondsBefore"],
  ["NODE_FAIL", "SLURM_NODE_FAILED", "--exclude"],
  ["FAILED", "SLURM_JOB_FAILED", "checkpoint"],
])("a job that ended as %s is %s, with a hint of its own", (state, code, hint) => {
  const ended = { name: "f00d", state, reason: "None", exitCode: "1:0", node: "n1" };
  const error = jobFailure({ stage: "count", jobId: "7", ended, lastWords: ["alas"] });
  expect(error.code).toBe(code);
  expect(error.message).toMatch(/job 7 of stage count .*on n1[^]*alas/);
  expect(error.hint).toContain(hint);
});

test("a job that Slurm has forgotten has vanished", () => {
  expect(jobFailure({ stage: "count", jobId: "7", ended: undefined, lastWords: [] }).code).toBe(
    "SLURM_JOB_VANISHED",
  );
});

test("a tail gives each line once, in whole characters, and half a line only at the end", async () => {
  const path = join(directory, "file");
  const tail = new Tail(path);
  const lines: string[] = [];
  const read = (last?: boolean) => tail.read((line) => lines.push(line), last);
  await read();
  const bytes = Buffer.from("one\ntwö\nthr");
  appendFileSync(path, bytes.subarray(0, 7)); // in the middle of ö
  await read();
  expect(lines).toEqual(["one"]);
  appendFileSync(path, bytes.subarray(7));
  await read();
  expect(lines).toEqual(["one", "twö"]);
  await read(true);
  expect(lines).toEqual(["one", "twö", "thr"]);
});

test("all who look at the queue at once share one squeue", async () => {
  const asked: (readonly string[])[] = [];
  let now = 0;
  const queue = (names: readonly string[]) => {
    asked.push(names);
    return Promise.resolve([]);
  };
  const watch = new QueueWatch({ queue }, () => now);
  watch.follow("a");
  watch.follow("b");
  await Promise.all([watch.look(10), watch.look(10)]);
  await watch.look(10);
  expect(asked).toEqual([["a", "b"]]);
  now = 10;
  watch.leave("b");
  await watch.look(10);
  expect(asked).toEqual([["a", "b"], ["a"]]);
});

test("a squeue that fails is no news of the jobs", async () => {
  const watch = new QueueWatch({ queue: () => Promise.reject(new Error("timed out")) });
  expect(await watch.look(0)).toMatchObject({ entries: undefined, problem: "timed out" });
});

const writeJob = (change: Partial<Record<keyof JobFile, unknown>> = {}): void => {
  const job = {
    protocol: JOB_PROTOCOL,
    attempt: "run-1",
    fingerprint: "f00d",
    directory,
    job: { outputs: {} },
  };
  writeFileSync(jobFiles(directory).job, JSON.stringify({ ...job, ...change }));
};

test.each([
  ["another fingerprint", { fingerprint: "beef" }],
  ["another version of the files", { protocol: JOB_PROTOCOL + 1 }],
  ["another place", { directory: "/elsewhere" }],
])("a job of %s is not followed", (_what, change) => {
  writeJob();
  expect(readJob(directory, "f00d")).toBeDefined();
  writeJob(change);
  expect(readJob(directory, "f00d")).toBeUndefined();
});

test("an answer counts for its own submission only, and done only while the outputs are there", () => {
  const output = join(directory, "outputs", "total");
  writeJob({ job: { outputs: { total: output } } });
  const job = readJob(directory, "f00d");
  if (job === undefined) throw new Error("no job");
  const answer = (attempt: string) =>
    writeFileSync(
      jobFiles(directory).answer,
      JSON.stringify({ attempt, answer: { type: "done", outputs: {} } }),
    );
  answer("run-1");
  expect(readAnswer(job)).toBeUndefined();
  mkdirSync(output, { recursive: true });
  expect(readAnswer(job)).toEqual({ type: "done", outputs: {} });
  answer("run-0");
  expect(readAnswer(job)).toBeUndefined();
});

test("without sbatch on the PATH nothing starts, and the error says what to do", async () => {
  const project = new Project();
  try {
    const run = project.run([], { executor: "slurm" }, { env: { ...process.env, PATH: directory } });
    await expect(run).rejects.toMatchObject({ code: "SLURM_NOT_FOUND", kind: "user" });
    expect(project.executed()).toEqual([]);
  } finally {
    project.remove();
  }
});

test("--jobs is refused where Slurm decides what runs at once", async () => {
  const project = new Project();
  try {
    const run = project.run([], { executor: "slurm", jobs: 2 });
    await expect(run).rejects.toMatchObject({ code: "JOBS_WITHOUT_MEANING", kind: "user" });
  } finally {
    project.remove();
  }
});
