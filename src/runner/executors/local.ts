/**
 * Stages as children of the runner: each a process in a group of its own, talked to over IPC, dead when the
 * runner is.
 */
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { execa } from "execa";
import { serializeError } from "../../errors.ts";
import { errorCode } from "../../std/error-code.ts";
import type { Store } from "../../store/store.ts";
import { ownGroup } from "../child-options.ts";
import type { Executor, RunningStage, StageLaunch, StageResult } from "../executor.ts";
import { stageDied } from "../failure.ts";
import { machineCapacity } from "../resource-queue.ts";
import type { MessageFromStage, MessageToStage } from "../stage-protocol.ts";
import { rm } from "node:fs/promises";

export interface LocalExecutorOptions {
  readonly store: Pick<Store, "makeWorkDirectory">;
  /** Absolute paths of the compiled entries. */
  readonly stageProcess: string;
  readonly watchdog: string;
  /** Relative paths in params, e.g. of local text, count from the project. */
  readonly projectRoot: string;
  /** CPU slots; default: what the machine has. */
  readonly jobs: number | undefined;
}

export function localExecutor(options: LocalExecutorOptions): Executor {
  return {
    name: "local",
    capacity: machineCapacity(options.jobs),
    async workDirectory(fingerprint) {
      const path = await options.store.makeWorkDirectory(fingerprint.slice(0, 12));
      return { path, begun: undefined, dispose: () => rm(path, { recursive: true, force: true }) };
    },
    launch: (launch) => Promise.resolve(startChild(options, launch)),
  };
}

const LAST_WORDS = 8;

function startChild(
  { stageProcess, watchdog, projectRoot }: LocalExecutorOptions,
  launch: StageLaunch,
): RunningStage {
  const subprocess = execa(
    process.execPath,
    ["--enable-source-maps", stageProcess, "ipc", watchdog, String(process.pid)],
    {
      ...ownGroup,
      cwd: projectRoot,
      env: environmentOf(launch),
    },
  );
  let answer: StageResult | undefined;
  const lastWords: string[] = [];
  const post = (message: MessageToStage): void => {
    // A child that died meanwhile is reported by its end, not by the message that could not reach it.
    if (subprocess.connected) subprocess.send(message, () => undefined);
  };
  subprocess.on("message", (message) => {
    // Only stage-process.ts talks on this channel.
    const said = message as unknown as MessageFromStage;
    if (said.type === "ready") post({ type: "start", job: launch.job });
    else if (said.type === "done") answer = { outcome: "done", outputs: said.outputs };
    else if (said.type === "failed") answer = { outcome: "failed", error: said.error };
    else launch.onReport(said);
  });
  const lines = [
    readLines(subprocess.stdout, (line) => launch.onLine("stdout", line)),
    readLines(subprocess.stderr, (line) => {
      lastWords.push(line);
      if (lastWords.length > LAST_WORDS) lastWords.shift();
      launch.onLine("stderr", line);
    }),
  ];
  const kill = (): void => killGroup(subprocess.pid);
  // What the stage left running would keep its pipes open and write into directories that are being hashed.
  subprocess.once("exit", kill);

  const end = async (): Promise<StageResult> => {
    const { exitCode, signal, cause } = await subprocess;
    await Promise.all(lines);
    if (answer !== undefined) return answer;
    const neverStarted = exitCode === undefined && signal === undefined;
    const error = neverStarted ? cause : stageDied(launch.stage, { exitCode, signal }, lastWords);
    return { outcome: "failed", error: serializeError(error) };
  };
  return { result: end(), interrupt: () => post({ type: "interrupt" }), kill };
}

/** Each stage sees the accelerators that it was granted, and no others. */
const environmentOf = ({ env, grant: { acceleratorIds } }: StageLaunch): StageLaunch["env"] =>
  acceleratorIds.length === 0 ? env : { ...env, CUDA_VISIBLE_DEVICES: acceleratorIds.join(",") };

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // Nobody is left in the group.
    if (errorCode(error) !== "ESRCH") throw error;
  }
}

async function readLines(stream: Readable, onLine: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) onLine(line);
}
