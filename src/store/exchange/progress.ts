/** What a transfer tells while it goes on. */
export interface TransferProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface TransferOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: TransferProgress) => void;
  /** What a person should know although it is no error, e.g. that a transfer is tried again. */
  readonly onNotice: (message: string) => void;
}

/** Counts bytes up to a total that is known from the start. */
export class ByteCount {
  readonly #total: number;
  readonly #tell: (progress: TransferProgress) => void;
  #done = 0;

  constructor(totalBytes: number, onProgress: (progress: TransferProgress) => void) {
    this.#total = totalBytes;
    this.#tell = onProgress;
  }

  /** A negative number takes back what must be transferred again. */
  readonly add = (bytes: number): void => {
    this.#done += bytes;
    this.#tell({ doneBytes: this.#done, totalBytes: this.#total });
  };
}
