/** What a download tells while it works, and how it is called off. */
export interface DownloadEvents {
  readonly signal?: AbortSignal | undefined;
  /** Bytes of one download so far. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** What a person should know: a retry, a fallback. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

export interface DownloadProgress {
  readonly name: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}
