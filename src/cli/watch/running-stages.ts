/** The stages that a run executes at the moment, from its events. */
import type { RunnerEvent } from "../../runner/event.ts";
import type { RunningStage } from "./stop-decision.ts";

export class RunningStages {
  readonly #stages = new Map<string, RunningStage>();

  note(event: RunnerEvent): void {
    if (event.type === "stage-started") {
      const { stage: id, fingerprint, resumeStep } = event;
      this.#stages.set(id, { id, fingerprint, hasCheckpoint: resumeStep !== undefined });
    } else if (event.type === "stage-checkpoint") {
      const stage = this.#stages.get(event.stage);
      if (stage) this.#stages.set(stage.id, { ...stage, hasCheckpoint: true });
    } else if (
      event.type === "stage-finished" ||
      event.type === "stage-failed" ||
      event.type === "stage-interrupted"
    )
      this.#stages.delete(event.stage);
  }

  list(): readonly RunningStage[] {
    return [...this.#stages.values()];
  }
}
