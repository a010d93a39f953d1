/**
 * Fetches entries of a remote: each is committed when all of it is here and verified, what others were made from
 * first. A pull that was stopped keeps what was complete and goes on from there.
 */
import { PipelineError } from "../../errors.ts";
import type { Store } from "../store.ts";
import { totalBytes } from "./blob.ts";
import { concurrently } from "./concurrently.ts";
import type { PortableObject } from "./entry.ts";
import { ByteCount, type TransferOptions } from "./progress.ts";
import { missingObjects, receivedExecution } from "./received.ts";
import type { RemoteEntry } from "./remote-entry.ts";
import { blobKey, type RemoteStore } from "./remote-store.ts";
import { retrying } from "./retry.ts";
import { Staging } from "./staging.ts";

export interface PullAmount {
  /** Files that were missing here, each once. */
  readonly files: number;
  readonly sizeBytes: number;
}

/** Writes nothing: what `fetchEntries` would fetch. */
export async function amountToPull(store: Store, entries: readonly RemoteEntry[]): Promise<PullAmount> {
  const objects = new Map<string, PortableObject>();
  for (const entry of entries)
    for (const object of await missingObjects(store, entry)) objects.set(object.digest, object);
  const files = [...objects.values()].flatMap((object) => object.files);
  const blobs = new Map(files.map((file) => [file.sha256, file]));
  return { files: blobs.size, sizeBytes: totalBytes(blobs.values()) };
}

/** Throws `BLOB_MISSING`, `BLOB_CORRUPT`, `DISK_TOO_SMALL` and what the remote throws. */
export async function fetchEntries(
  store: Store,
  remote: RemoteStore,
  entries: readonly RemoteEntry[],
  options: TransferOptions,
): Promise<void> {
  const { sizeBytes } = await amountToPull(store, entries);
  const count = new ByteCount(sizeBytes, options.onProgress);
  for (const entry of entries) await fetchEntry(store, remote, entry, count, options);
}

async function fetchEntry(
  store: Store,
  remote: RemoteStore,
  entry: RemoteEntry,
  count: ByteCount,
  options: TransferOptions,
): Promise<void> {
  const staging = await Staging.open(store, "pull", await missingObjects(store, entry));
  try {
    await concurrently([...staging.wanted.values()], options.signal, (blob) =>
      retrying(remote, "fetching a file", options, async () => {
        let come = 0;
        const onBytes = (bytes: number): void => {
          come += bytes;
          count.add(bytes);
        };
        const chunks = await remote.get(blobKey(blob), options.signal);
        if (chunks === undefined) throw missingBlob(remote, blob.sha256, entry.execution.stageId);
        try {
          await staging.receive(blob, chunks, { what: remote.url, onBytes, signal: options.signal });
        } catch (error) {
          count.add(-come);
          throw error;
        }
      }),
    );
    const adopted = await staging.adopt(options.signal);
    const origin = { key: entry.key, at: new Date().toISOString(), from: remote.url };
    store.receive([receivedExecution(entry, origin, adopted)]);
  } finally {
    await staging.dispose();
  }
}

const missingBlob = (remote: RemoteStore, sha256: string, stageId: string): PipelineError =>
  new PipelineError({
    code: "BLOB_MISSING",
    message: `${remote.url} has an entry of ${stageId} and lacks its file ${sha256}`,
    hint: "npx pipeline push by somebody who has it whole sends it again",
  });
