/**
 * A run as a process of its own session, which no closing terminal reaches; its output goes to a file, and who
 * started it follows its events. The same command line starts both halves: the one in the background is told its run's
 * id by its environment.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { outputFile, runDirectory } from "../runner/run-files.ts";
import { isRunId, makeRunId } from "../runner/run-id.ts";
import type { CliContext } from "./cli-context.ts";

const variable = "PIPELINE_RUN_ID";

export interface BackgroundRun {
  readonly runId: string;
  readonly process: ChildProcess;
  /** Resolves to the exit code; a process that was killed counts as failed. */
  readonly ended: Promise<number>;
  readonly hasEnded: () => boolean;
}

/** `commandLine`: what stands behind the program's name. `tied`: the run is asked to stop when this process ends. */
export function startBackgroundRun(
  { host, env, workingDirectory }: CliContext,
  commandLine: readonly string[],
  { tied }: { readonly tied: boolean },
): BackgroundRun {
  const runId = makeRunId();
  const cache = cacheDirectory(host);
  mkdirSync(runDirectory(cache, runId), { recursive: true });
  const output = openSync(outputFile(cache, runId), "ax");
  try {
    const child = spawn(process.execPath, [join(host.packageRoot, "bin", "pipeline.js"), ...commandLine], {
      cwd: workingDirectory,
      env: { ...env, [variable]: runId },
      detached: true,
      stdio: tied ? ["ignore", output, output, "ipc"] : ["ignore", output, output],
    });
    let over = false;
    const ended = new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => {
        over = true;
        resolve(code ?? 1);
      });
    });
    return { runId, process: child, ended, hasEnded: () => over };
  } finally {
    closeSync(output);
  }
}

/** Where this process is the half in the background: the id of its run, and the context without that mark. */
export function backgroundHalf(
  context: CliContext,
): { readonly runId: string; readonly context: CliContext } | undefined {
  const { [variable]: runId, ...env } = context.env;
  if (runId === undefined || !isRunId(runId)) return undefined;
  // Its stages may call the pipeline too; their runs are their own.
  Reflect.deleteProperty(process.env, variable);
  return { runId, context: { ...context, env } };
}

export const cacheDirectory = ({ projectRoot }: CliContext["host"]): string => join(projectRoot, "cache");
