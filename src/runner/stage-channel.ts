/**
 * How a stage process talks to its runner: over IPC as its child (ipc-channel.ts), or over files as a job of a
 * cluster, where the runner may be elsewhere or dead (file-channel.ts). Types only.
 */
import type { MessageFromStage, StageJob } from "./stage-protocol.ts";

/** What a stage says while it runs. */
export type StageReport = Exclude<MessageFromStage, { type: "ready" | "done" | "failed" }>;

/** The last thing a stage process says. */
export type StageAnswer = Extract<MessageFromStage, { type: "done" | "failed" }>;

export interface StageListener {
  /** Called once. */
  readonly onJob: (job: StageJob) => void;
  /** Write a checkpoint and end. */
  readonly onInterrupt: () => void;
}

export interface StageChannel {
  send(report: StageReport): void;
  /** Ends this process as soon as the answer is out. */
  finish(answer: StageAnswer): void;
  listen(listener: StageListener): void;
}
