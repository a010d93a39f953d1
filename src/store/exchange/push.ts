/**
 * Sends executions to a remote: blobs first, the entry last, so that a torn push is seen by nobody. What is there is
 * not sent again, so a push that was stopped goes on where it was.
 */
import { open } from "node:fs/promises";
import { PipelineError } from "../../errors.ts";
import { digestFile } from "../../hashing/digest.ts";
import type { ExecutionRecord } from "../records.ts";
import type { Store } from "../store.ts";
import { totalBytes } from "./blob.ts";
import { concurrently } from "./concurrently.ts";
import { encodeEntry } from "./entry.ts";
import { readEntry } from "./remote-entry.ts";
import { localBlobs, outputObjects, type LocalBlob } from "./local-blobs.ts";
import { ByteCount, type TransferOptions } from "./progress.ts";
import { blobKey, bytesSource, entryKey, type RemoteSource, type RemoteStore } from "./remote-store.ts";
import { retrying } from "./retry.ts";
import type { Trust } from "./signed-document.ts";
import type { SigningKey } from "./signing-key.ts";

export interface PushedExecution {
  readonly stageId: string;
  readonly fingerprint: string;
  /** `occupied`: somebody whom this project does not trust has put an entry there; it stays. */
  readonly outcome: "pushed" | "present" | "occupied";
}

export interface PushSummary {
  readonly remote: string;
  readonly executions: readonly PushedExecution[];
  /** Files that were missing there, each once. */
  readonly files: number;
  readonly sizeBytes: number;
}

export interface PushOptions extends TransferOptions {
  readonly key: SigningKey;
  readonly trust: Trust;
  readonly dryRun: boolean;
}

/** `executions`: what others were made from first. Throws `ARTIFACT_DAMAGED` and what the remote throws. */
export async function push(
  store: Store,
  remote: RemoteStore,
  executions: readonly ExecutionRecord[],
  options: PushOptions,
): Promise<PushSummary> {
  const outcomes = await concurrently(executions, options.signal, async (execution) => {
    return { execution, ...(await lookAt(remote, execution, options)) };
  });
  const wanted = outcomes.filter(({ outcome }) => outcome === "pushed").map(({ execution }) => execution);
  // Also those of entries that are there: a file that was lost is sent again.
  const ours = outcomes.filter(({ isOurs }) => isOurs).map(({ execution }) => execution);
  const blobs = [...(await localBlobs(store, ours)).values()];
  const missing = (
    await concurrently(blobs, options.signal, async (blob) => {
      const size = await retrying(remote, "looking for a file", options, () =>
        remote.size(blobKey(blob), options.signal),
      );
      return size === blob.sizeBytes ? [] : [blob];
    })
  ).flat();
  if (!options.dryRun) {
    // Signed before anything is sent: what no other machine could take stays here.
    const entries = wanted.map((execution) => ({
      key: entryKey(execution.fingerprint),
      text: encodeEntry(execution, outputObjects(store, execution), options.key),
    }));
    await sendBlobs(remote, missing, options);
    for (const { key, text } of entries)
      await retrying(remote, "sending an entry", options, () =>
        remote.put(key, bytesSource(Buffer.from(text)), options.signal),
      );
  }
  return {
    remote: remote.url,
    executions: outcomes.map(({ execution: { stageId, fingerprint }, outcome }) => {
      return { stageId, fingerprint, outcome };
    }),
    files: missing.length,
    sizeBytes: totalBytes(missing),
  };
}

/** `isOurs`: the entry that is or will be there has the files that are here. */
async function lookAt(
  remote: RemoteStore,
  { fingerprint, outputs }: ExecutionRecord,
  options: PushOptions,
): Promise<{ readonly outcome: PushedExecution["outcome"]; readonly isOurs: boolean }> {
  try {
    const entry = await readEntry(remote, fingerprint, options);
    if (entry === undefined) return { outcome: "pushed", isOurs: true };
    const theirs = entry.execution.outputs;
    const isOurs = Object.entries(outputs).every(([name, { digest }]) => theirs[name]?.digest === digest);
    return { outcome: "present", isOurs };
  } catch (error) {
    if (!(error instanceof PipelineError)) throw error;
    if (error.code === "KEY_UNKNOWN") return { outcome: "occupied", isOurs: false };
    // What nobody can believe is replaced.
    if (UNBELIEVABLE.has(error.code)) return { outcome: "pushed", isOurs: true };
    throw error;
  }
}

const UNBELIEVABLE = new Set(["DOCUMENT_INVALID", "SIGNATURE_BROKEN", "KEY_MISSING", "ENTRY_INCONSISTENT"]);

async function sendBlobs(
  remote: RemoteStore,
  blobs: readonly LocalBlob[],
  options: PushOptions,
): Promise<void> {
  const count = new ByteCount(totalBytes(blobs), options.onProgress);
  await concurrently(blobs, options.signal, async (blob) => {
    // Sizes and stats were compared; a file that goes out is read whole.
    const { sha256 } = await digestFile(blob.path, options.signal);
    if (sha256 !== blob.sha256)
      throw new PipelineError({
        code: "ARTIFACT_DAMAGED",
        message: `${blob.path} has changed: sha256 ${sha256} instead of ${blob.sha256}`,
        hint: "npx pipeline check --deep names the stages that must run again",
      });
    await retrying(remote, "sending a file", options, async () => {
      let sent = 0;
      const file = await open(blob.path, "r");
      const source: RemoteSource = {
        sizeBytes: blob.sizeBytes,
        async read(start, end) {
          const { buffer, bytesRead } = await file.read(
            Buffer.allocUnsafe(end - start),
            0,
            end - start,
            start,
          );
          sent += bytesRead;
          count.add(bytesRead);
          return buffer.subarray(0, bytesRead);
        },
      };
      try {
        await remote.put(blobKey(blob), source, options.signal);
      } catch (error) {
        count.add(-sent);
        throw error;
      } finally {
        await file.close();
      }
    });
  });
}
