/** The channel of a stage that is a child of its runner: IPC, and an end with the runner's. */
import { Worker } from "node:worker_threads";
import type { StageChannel } from "./stage-channel.ts";
import type { MessageFromStage, MessageToStage } from "./stage-protocol.ts";
import type { WatchdogData } from "./watchdog.ts";

/** `watchdog`: path of the compiled worker. `runner`: its pid. */
export function ipcChannel(watchdog: string, runner: number): StageChannel {
  if (process.send === undefined) throw new Error("a stage process is started by the runner");
  return {
    send: (report) => send(report),
    finish: (answer) => send(answer, () => process.exit(answer.type === "done" ? 0 : 1)),
    listen({ onJob, onInterrupt }) {
      const workerData: WatchdogData = { runner };
      new Worker(watchdog, { workerData }).unref();
      // The channel closes when the runner ends in any way; the watchdog sees to it where this loop is blocked.
      process.on("disconnect", () => process.exit(1));
      process.on("message", (message: MessageToStage) => {
        if (message.type === "interrupt") onInterrupt();
        else onJob(message.job);
      });
      send({ type: "ready" });
    },
  };
}

function send(message: MessageFromStage, sent?: () => void): void {
  if (process.connected) process.send?.(message, undefined, undefined, sent);
}
