/**
 * Exchange between one store and the world: signs what leaves with this user's key, believes what comes by the keys
 * that are trusted. Which executions are meant is the caller's to say.
 */
import type { ExecutionRecord } from "../records.ts";
import type { Store } from "../store.ts";
import { upstreamClosure } from "./closure.ts";
import type { TransferOptions } from "./progress.ts";
import { readArchive, type ImportSummary } from "./read-archive.ts";
import { trustIn, type Trust } from "./signed-document.ts";
import { loadSigningKey, signingKeyFile, type SigningKey } from "./signing-key.ts";
import { writeArchive, type ArchiveContent, type ArchiveSummary } from "./write-archive.ts";

type Environment = Readonly<Record<string, string | undefined>>;

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

  /** One's own key always is believed. Throws `KEY_MALFORMED`. */
  #trust(keys: readonly string[]): Trust {
    return trustIn([this.publicKey, ...keys]);
  }
}
