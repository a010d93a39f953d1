/**
 * Exchange between one store and the world: signs what leaves with this user's key, believes what comes by the keys
 * that are trusted. Which executions are meant is the caller's to say.
 */
import type { ExecutionRecord } from "../records.ts";
import type { Store } from "../store.ts";
import { upstreamClosure } from "./closure.ts";
import { openRemote, type RemoteAddress } from "./open-remote.ts";
import type { TransferOptions } from "./progress.ts";
import { amountToPull, fetchEntries, type PullAmount } from "./pull.ts";
import { push, type PushSummary } from "./push.ts";
import { readEntry, type RemoteEntry } from "./remote-entry.ts";
import { readArchive, type ImportSummary } from "./read-archive.ts";
import { trustIn, type Trust } from "./signed-document.ts";
import { loadSigningKey, signingKeyFile, type SigningKey } from "./signing-key.ts";
import { writeArchive, type ArchiveContent, type ArchiveSummary } from "./write-archive.ts";

type Environment = Readonly<Record<string, string | undefined>>;

interface RemoteOptions extends TransferOptions {
  readonly trustedKeys: readonly string[];
  /** Where relative folders count from. */
  readonly baseDirectory: string;
}

/** A remote that is open for reading. */
export interface PullRemote {
  readonly url: string;
  /** Verified; undefined where there is none. */
  readonly entry: (fingerprint: string) => Promise<RemoteEntry | undefined>;
  readonly amount: (entries: readonly RemoteEntry[]) => Promise<PullAmount>;
  /** What others were made from first. */
  readonly fetch: (entries: readonly RemoteEntry[]) => Promise<void>;
}

export class StoreExchange {
  readonly #store: Store;
  readonly #key: SigningKey;
  /** Absolute. */
  readonly keyFile: string;

  private constructor(store: Store, key: SigningKey, keyFile: string) {
    this.#store = store;
    this.#key = key;
    this.keyFile = keyFile;
  }

  /** Makes the user's key on first use. Throws `KEY_UNREADABLE` and `KEY_EXPOSED`. */
  static async open(store: Store, env: Environment): Promise<StoreExchange> {
    return new StoreExchange(store, await loadSigningKey(env), signingKeyFile(env));
  }

  get publicKey(): string {
    return this.#key.publicKey;
  }

  upstreamClosure(fingerprints: Iterable<string>): readonly ExecutionRecord[] {
    return upstreamClosure(this.#store, fingerprints);
  }

  writeArchive(content: ArchiveContent, file: string, options: TransferOptions): Promise<ArchiveSummary> {
    return writeArchive(this.#store, content, this.#key, file, options);
  }

  readArchive(
    file: string,
    {
      trustedKeys,
      ...options
    }: TransferOptions & { readonly trustedKeys: readonly string[]; readonly dryRun: boolean },
  ): Promise<ImportSummary> {
    return readArchive(this.#store, file, { ...options, trust: this.#trust(trustedKeys) });
  }

  /** `executions`: what others were made from first. */
  async push(
    address: RemoteAddress,
    executions: readonly ExecutionRecord[],
    { trustedKeys, baseDirectory, ...options }: RemoteOptions & { readonly dryRun: boolean },
  ): Promise<PushSummary> {
    const remote = await openRemote(address, baseDirectory, "write");
    try {
      const trust = this.#trust(trustedKeys);
      return await push(this.#store, remote, executions, { ...options, trust, key: this.#key });
    } finally {
      await remote.close();
    }
  }

  /** Calls `work` with what reads from the remote. */
  async pulling<Result>(
    address: RemoteAddress,
    { trustedKeys, baseDirectory, ...options }: RemoteOptions,
    work: (remote: PullRemote) => Promise<Result>,
  ): Promise<Result> {
    const remote = await openRemote(address, baseDirectory, "read");
    const trust = this.#trust(trustedKeys);
    try {
      return await work({
        url: remote.url,
        entry: (fingerprint) => readEntry(remote, fingerprint, { ...options, trust }),
        amount: (entries) => amountToPull(this.#store, entries),
        fetch: (entries) => fetchEntries(this.#store, remote, entries, options),
      });
    } finally {
      await remote.close();
    }
  }

  /** One's own key always is believed. Throws `KEY_MALFORMED`. */
  #trust(keys: readonly string[]): Trust {
    return trustIn([this.publicKey, ...keys]);
  }
}
