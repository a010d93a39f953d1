/** Sharing of finished work between machines, as a session offers it. Types only. */
import type { SerializedError } from "../errors.ts";
import type { ImportSummary } from "../store/exchange/read-archive.ts";
import type { PullAmount } from "../store/exchange/pull.ts";
import type { PushSummary } from "../store/exchange/push.ts";
import type { TransferProgress } from "../store/exchange/progress.ts";
import type { ArchiveSummary } from "../store/exchange/write-archive.ts";

export type { ImportedExecution, ImportSummary } from "../store/exchange/read-archive.ts";
export type { PushedExecution, PushSummary } from "../store/exchange/push.ts";
export type { TransferProgress } from "../store/exchange/progress.ts";

export interface KeyReport {
  /** This user's, as others write it into their trustedKeys. */
  readonly publicKey: string;
  /** Absolute; where the private half is. */
  readonly file: string;
  /** Of settings.yaml. */
  readonly trustedKeys: readonly string[];
}

export interface ExchangeOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TransferProgress) => void;
  /** What a person should know although it is no error. */
  readonly onNotice?: (message: string) => void;
}

export interface ExportOptions extends ExchangeOptions {
  /** Absolute. Default: `RUN.tar` or `TARGET.tar` in `directory`. */
  readonly file?: string;
  /** Absolute. Default: the project root. */
  readonly directory?: string;
  /** Leave out the files of what the targets were made from; the records stay. */
  readonly lineageOnlyUpstream?: boolean;
}

/** Keys that are believed beside those of settings.yaml and this user's own. */
export interface TrustOptions {
  readonly trust?: readonly string[];
  /** Verify what can be verified, write nothing. */
  readonly dryRun?: boolean;
}

export interface ExportReport extends ArchiveSummary {
  readonly key: string;
  /** Absent where targets were named. */
  readonly runId?: string;
}

export interface RemoteChoice {
  /** A folder, relative to `directory` or absolute, or `s3://bucket/prefix`. Default: that of settings.yaml. */
  readonly remote?: string;
  /** Absolute. Default: the project root. */
  readonly directory?: string;
}

export interface PushReport extends PushSummary {
  readonly key: string;
  /** Ids of stages that are not finished for the current recipe, so that nothing of them could be sent. */
  readonly unfinished: readonly string[];
}

export interface PulledStage {
  readonly id: string;
  /** Null where an input is not known, because what makes it was not found either. */
  readonly fingerprint: string | null;
  /** `refused`: there is an entry by a key that is not trusted. */
  readonly outcome: "pulled" | "here" | "absent" | "refused";
  /** Who vouches for it, or would. */
  readonly key?: string;
}

export interface PullReport extends PullAmount {
  readonly remote: string;
  readonly stages: readonly PulledStage[];
  /** Why what was refused was refused, and how to trust it. */
  readonly refusals: readonly SerializedError[];
}

export interface Exchange {
  /** Makes the key pair where there is none. Throws `KEY_UNREADABLE` and `KEY_EXPOSED`. */
  key(): Promise<KeyReport>;
  /**
   * `what`: a run as history names it, or targets, of which the latest finished executions are meant; none is the latest run that
   * succeeded here. Throws `NOTHING_TO_EXPORT`, `UNKNOWN_RUN`, `UNKNOWN_TARGET`, and what writing throws.
   */
  exportRun(what: readonly string[], options?: ExportOptions): Promise<ExportReport>;
  /** `file`: absolute. All of it or nothing. Throws what reading an archive throws. */
  importRun(file: string, options?: ExchangeOptions & TrustOptions): Promise<ImportSummary>;
  /**
   * Sends what is finished for the current recipe of the targets and of what they need; no targets: everything.
   * Throws `REMOTE_NOT_NAMED`, `NOTHING_TO_PUSH`, `UNKNOWN_TARGET`, and what remotes throw.
   */
  push(
    targets: readonly string[],
    options?: ExchangeOptions & TrustOptions & RemoteChoice,
  ): Promise<PushReport>;
  /** Fetches what the current recipe of the targets needs and this project has not. Throws as `push` does. */
  pull(
    targets: readonly string[],
    options?: ExchangeOptions & TrustOptions & RemoteChoice,
  ): Promise<PullReport>;
}
