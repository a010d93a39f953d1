/**
 * Who a process is, beyond its pid, which the system gives out again: start time, boot and host. Tells whether
 * the holder of a lock or of a directory still lives.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

export type ProcessIdentity = {
  readonly pid: number;
  /** When it started, in whatever unit the system counts; equal for one process, different for its successor. */
  readonly startTime: string;
  /** Changes when the machine restarts; empty where the system does not tell. */
  readonly bootId: string;
  readonly host: string;
};

let own: ProcessIdentity | undefined;

export function thisProcess(): ProcessIdentity {
  own ??= {
    pid: process.pid,
    startTime: startTimeOf(process.pid) ?? "",
    bootId: readOptional("/proc/sys/kernel/random/boot_id")?.trim() ?? "",
    host: hostname(),
  };
  return own;
}

/** A file name that says who: a file without content is made at once or not at all, so no kill leaves half a mark. */
export const identityToName = ({ pid, startTime, bootId, host }: ProcessIdentity): string =>
  [String(pid), startTime, bootId, host].map(encodeURIComponent).join(",");

/** Undefined where the name is none that {@link identityToName} makes. */
export function identityFromName(name: string): ProcessIdentity | undefined {
  const fields = /^(\d+),([^,]*),([^,]*),([^,]*)$/.exec(name)?.slice(1);
  if (fields === undefined) return undefined;
  try {
    const [pid, startTime = "", bootId = "", host = ""] = fields.map(decodeURIComponent);
    return { pid: Number(pid), startTime, bootId, host };
  } catch {
    return undefined; // a percent sign that is no escape
  }
}

/** A process of another host cannot be asked: it counts as alive. */
export function isAlive(identity: ProcessIdentity): boolean {
  const self = thisProcess();
  if (identity.host !== self.host) return true;
  if (identity.bootId !== self.bootId) return false;
  return startTimeOf(identity.pid) === identity.startTime;
}

/** Whether any process of this host has the pid now. */
export const isRunning = (pid: number): boolean => startTimeOf(pid) !== undefined;

/** Undefined where no such process lives; a killed one that its parent has not yet collected is not alive. */
function startTimeOf(pid: number): string | undefined {
  return process.platform === "linux" ? startTimeFromProc(pid) : startTimeFromPs(pid);
}

/** proc(5), /proc/pid/stat: field 3 is the state, field 22 the start time; field 2 may hold spaces and parentheses. */
function startTimeFromProc(pid: number): string | undefined {
  const stat = readOptional(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const state = fields[0];
  return state === "Z" || state === "X" ? undefined : fields[19];
}

function startTimeFromPs(pid: number): string | undefined {
  try {
    const text = execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
    return text === "" ? undefined : text;
  } catch {
    return undefined; // ps exits with 1 for a pid that is not there
  }
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
