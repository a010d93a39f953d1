/**
 * The runner's end of a stage process: starts it in a process group of its own, passes messages and output
 * lines on, and says how it ended. A stage's failure is a value here; nothing is retried.
 */
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { execa } from "execa";
import type { SerializedError } from "../errors.ts";
import { serializeError } from "../errors.ts";
import type { JsonObject } from "../std/json.ts";
import { stageDied } from "./failure.ts";
import type { MessageFromStage, MessageToStage, StageJob } from "./stage-protocol.ts";

export type ChildReport = Exclude<MessageFromStage, { type: "ready" | "done" | "failed" }>;

export type ChildResult =
  | { readonly outcome: "done"; readonly outputs: Readonly<Record<string, JsonObject>> }
  | { readonly outcome: "failed"; readonly error: SerializedError };

export interface StageChildOptions {
  readonly stage: string;
  readonly job: StageJob;
  /** Absolute paths of the compiled entries. */
  readonly stageProcess: string;
  readonly watchdog: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onReport: (report: ChildReport) => void;
  readonly onLine: (stream: "stdout" | "stderr", line: string) => void;
}

export interface StageChild {
  readonly result: Promise<ChildResult>;
  /** Asks the stage to write a checkpoint and end. Native work may delay the answer. */
  interrupt(): void;
  /** Ends it and everything it started, now. */
  kill(): void;
}

const LAST_WORDS = 8;

export function startStageChild(options: StageChildOptions): StageChild {
  const subprocess = execa(
    process.execPath,
    ["--enable-source-maps", options.stageProcess, options.watchdog, String(process.pid)],
    {
      cwd: options.cwd,
      env: options.env,
      extendEnv: false,
      ipc: true,
      buffer: false,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      reject: false,
      // A group of its own: Ctrl-C in the terminal reaches the runner only, which asks for a checkpoint first.
      detached: true,
      cleanup: false,
    },
  );
  let answer: ChildResult | undefined;
  const lastWords: string[] = [];
  const post = (message: MessageToStage): void => {
    // A child that died meanwhile is reported by its end, not by the message that could not reach it.
    if (subprocess.connected) subprocess.send(message, () => undefined);
  };
  subprocess.on("message", (message) => {
    // Only stage-process.ts talks on this channel.
    const said = message as unknown as MessageFromStage;
    if (said.type === "ready") post({ type: "start", job: options.job });
    else if (said.type === "done") answer = { outcome: "done", outputs: said.outputs };
    else if (said.type === "failed") answer = { outcome: "failed", error: said.error };
    else options.onReport(said);
  });
  const lines = [
    readLines(subprocess.stdout, (line) => options.onLine("stdout", line)),
    readLines(subprocess.stderr, (line) => {
      lastWords.push(line);
      if (lastWords.length > LAST_WORDS) lastWords.shift();
      options.onLine("stderr", line);
    }),
  ];
  const kill = (): void => killGroup(subprocess.pid);
  // What the stage left running would keep its pipes open and write into directories that are being hashed.
  subprocess.once("exit", kill);

  const end = async (): Promise<ChildResult> => {
    const { exitCode, signal, cause } = await subprocess;
    await Promise.all(lines);
    if (answer !== undefined) return answer;
    const neverStarted = exitCode === undefined && signal === undefined;
    const error = neverStarted ? cause : stageDied(options.stage, { exitCode, signal }, lastWords);
    return { outcome: "failed", error: serializeError(error) };
  };
  return { result: end(), interrupt: () => post({ type: "interrupt" }), kill };
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // Nobody is left in the group.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

async function readLines(stream: Readable, onLine: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) onLine(line);
}
