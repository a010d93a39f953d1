/** The script of a job: starts the stage process, passes on requests for a checkpoint, requeues the job between slices. */
import { mallocSettings, type MallocUse } from "../../../std/malloc.ts";
import { jobFiles, SLICE_ENDED } from "./job-files.ts";

export interface BatchScriptOptions {
  readonly directory: string;
  readonly projectRoot: string;
  /** Absolute. */
  readonly node: string;
  /** Absolute; compiled. */
  readonly stageProcess: string;
  /** Shell lines of the user's. */
  readonly setup: readonly string[];
  readonly malloc: MallocUse;
}

/**
 * SIGUSR1 comes from Slurm before the time limit, SIGUSR2 from a runner that was interrupted. bash runs a trap only
 * between commands: so the stage is awaited, and awaited again until it is gone.
 */
export function batchScript(options: BatchScriptOptions): string {
  const { directory, projectRoot, node, stageProcess, setup, malloc } = options;
  const { jobId, outputs, stdout, stderr } = jobFiles(directory);
  return [
    "#!/bin/bash",
    "stage=",
    "asked=",
    'ask() { asked=$1; if [ -n "$stage" ]; then kill -s "$2" "$stage" 2>/dev/null; fi; }',
    "trap 'ask slice USR2' USR1",
    "trap 'ask stop TERM' USR2",
    "# The runner may have died before it could note the id.",
    `printf %s "$SLURM_JOB_ID" >${quoted(jobId)}`,
    `cd ${quoted(projectRoot)} || exit 1`,
    "# What a slice that was killed left half written.",
    `rm -rf ${quoted(outputs)}`,
    `export GLIBC_TUNABLES="\${GLIBC_TUNABLES-${mallocSettings[malloc]}}"`,
    ...setup,
    'if [ "$asked" = stop ]; then exit 1; fi',
    `${quoted(node)} --enable-source-maps ${quoted(stageProcess)} files ${quoted(directory)} >>${quoted(stdout)} 2>>${quoted(stderr)} </dev/null &`,
    "stage=$!",
    'while kill -0 "$stage" 2>/dev/null; do wait "$stage"; done',
    'wait "$stage"',
    "code=$?",
    `if [ "$code" -eq ${SLICE_ENDED} ] && [ "$asked" = slice ]; then`,
    '  scontrol requeue "$SLURM_JOB_ID" && exit 0',
    "fi",
    'exit "$code"',
    "",
  ].join("\n");
}

/** Single quotes hold everything but themselves. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
