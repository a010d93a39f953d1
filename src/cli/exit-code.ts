/** What the shell gets to know. */
import type { ErrorKind } from "../errors.ts";

export const exitCodes = {
  ok: 0,
  /** The world failed: a stage, the network, the disk. */
  failure: 1,
  /** The user wrote something that cannot work. */
  user: 2,
  /** 128 + SIGINT, as shells count. */
  interrupted: 130,
} as const;

export function exitCodeOf(kind: ErrorKind): number {
  return kind === "user" ? exitCodes.user : exitCodes.failure;
}
