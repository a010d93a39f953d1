/** Processes of replicas, as Linux lists them. */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

/** Of those that `parent` started and that still run. */
export function replicasOf(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const { ppid, command } = look(pid);
      return ppid === parent && command.includes("--input-type=module");
    });
}

export const isAlive = (pid: number): boolean => look(pid).command !== "";

/** Rejects where one lives on. */
export async function untilGone(pids: readonly number[]): Promise<void> {
  for (let tries = 0; pids.some(isAlive); tries++) {
    if (tries === 600) throw new Error(`still running: ${pids.filter(isAlive).join(", ")}`);
    await setTimeout(50);
  }
}

/** Of a process that is gone, or is dead and only waited for, there is no command. */
function look(pid: number): { readonly ppid: number; readonly command: string } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const ppid = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    return { ppid, command: readFileSync(`/proc/${pid}/cmdline`, "utf8") };
  } catch {
    return { ppid: NaN, command: "" };
  }
}
