/** What one source of a recipe gives to a sample. Each part is a task that can be gone on with. */
import type { SourceRecord } from "../documents/manifest.ts";
import type { SourceEvents } from "../sources/source.ts";
import type { SampleTask } from "./sample-checkpoint.ts";

/** What sampling tells while it works, beside what its source tells. */
export interface SampleEvents extends SourceEvents {
  /** Documents, rows or lines read so far. */
  readonly onDocuments?: ((read: number) => void) | undefined;
}

export interface SourceSampler {
  /** Conversations, preference pairs, questions: of all sources before any document, since documents are held against them. */
  readonly records?: (task: SampleTask) => Promise<readonly SourceRecord[]>;
  readonly documents?: (task: SampleTask) => Promise<readonly SourceRecord[]>;
}
