import type { Options } from "execa";

/**
 * Of a child that is talked to over IPC and whose lines are read. In a group of its own: Ctrl-C in the terminal reaches
 * this process only, which asks for an end.
 */
export const ownGroup = {
  extendEnv: false,
  ipc: true,
  buffer: false,
  stdin: "ignore",
  stdout: "pipe",
  stderr: "pipe",
  reject: false,
  detached: true,
  cleanup: false,
} as const satisfies Options;
