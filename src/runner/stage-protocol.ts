/** What the runner and a stage process say to each other. Types only. */
import type { SerializedError } from "../errors.ts";
import type { Progress } from "../pipeline/stage.ts";
import type { JsonObject } from "../std/json.ts";
import type { UndeclaredReads } from "./watch-reads.ts";

export interface StageJob {
  /** Absolute path of the compiled stage. */
  readonly module: string;
  readonly exportName: string;
  readonly params: JsonObject;
  /** Input name → directory of the artifact. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Output name → directory to write into; it does not exist yet. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly checkpointDirectory: string;
  readonly checkpointMark: string;
  readonly downloadsDirectory: string;
}

export type MessageToStage =
  { readonly type: "start"; readonly job: StageJob } | { readonly type: "interrupt" };

export type MessageFromStage =
  | { readonly type: "ready" }
  | { readonly type: "log"; readonly line: string }
  | { readonly type: "progress"; readonly progress: Progress }
  | { readonly type: "checkpoint"; readonly step: number }
  /** Before the end, where there were any. */
  | ({ readonly type: "undeclared-reads" } & UndeclaredReads)
  /** Everything is written and validated. Output name → summary. */
  | { readonly type: "done"; readonly outputs: Readonly<Record<string, JsonObject>> }
  | { readonly type: "failed"; readonly error: SerializedError };
