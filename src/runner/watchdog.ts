/**
 * A worker thread that kills a stage process when its runner dies. A thread of its own, because native code
 * may hold the event loop for long, and a stage that outlives its runner would fight with the next one.
 */
import { isMainThread, workerData } from "node:worker_threads";

const PERIOD_MS = 200;

export interface WatchdogData {
  /** Pid of the runner that started this process. */
  readonly runner: number;
}

if (!isMainThread) {
  const { runner } = workerData as WatchdogData;
  // An orphan is handed to another parent at once; the pid of the dead one is never its parent again.
  setInterval(() => {
    if (process.ppid !== runner) killGroup();
  }, PERIOD_MS);
}

/** The stage leads a process group of its own: what it started goes with it. */
function killGroup(): void {
  try {
    process.kill(-process.pid, "SIGKILL");
  } catch {
    process.kill(process.pid, "SIGKILL"); // not a group leader, e.g. on Windows
  }
}
