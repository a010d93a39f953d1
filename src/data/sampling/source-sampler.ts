/** What one source of a recipe gives to a sample. Each part is a task that can be gone on with. */
import type { SourceRecord } from "../documents/manifest.ts";
import type { SampleTask } from "./sample-checkpoint.ts";

export interface SourceSampler {
  /** Conversations, preference pairs, questions: of all sources before any document, since documents are held against them. */
  readonly records?: (task: SampleTask) => Promise<readonly SourceRecord[]>;
  readonly documents?: (task: SampleTask) => Promise<readonly SourceRecord[]>;
}
