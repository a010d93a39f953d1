/**
 * Checkpoints of a running training. Reading the variables stops it; the disk takes its time while the next steps are taken,
 * and the checkpoint gets its name between two of them.
 */
import type { UnfinishedCheckpoint } from "./checkpoint.ts";

export class CheckpointWriter implements AsyncDisposable {
  readonly #finish: (checkpoint: UnfinishedCheckpoint) => Promise<void>;
  #unfinished: UnfinishedCheckpoint | undefined;
  #isFlushed = false;

  /** `finish`: what there is to do once the tensors are on the disk. */
  constructor(finish: (checkpoint: UnfinishedCheckpoint) => Promise<void>) {
    this.#finish = finish;
  }

  /** One at a time: finishes the one before. */
  async write(begin: () => Promise<UnfinishedCheckpoint>): Promise<void> {
    await this.finish();
    const unfinished = await begin();
    this.#unfinished = unfinished;
    this.#isFlushed = false;
    const flushed = () => (this.#isFlushed = true);
    unfinished.flushed.then(flushed, flushed); // thrown where it is finished
  }

  /** Does not wait for the disk. */
  async finishIfFlushed(): Promise<void> {
    if (this.#isFlushed) await this.finish();
  }

  /** Rejects where the checkpoint could not be written. */
  async finish(): Promise<void> {
    const unfinished = this.#unfinished;
    if (unfinished === undefined) return;
    this.#unfinished = undefined;
    this.#isFlushed = false;
    await this.#finish(unfinished);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.finish();
  }
}
