/**
 * Writes an archive: a tar of manifest, entries and blobs, in that order. Equal content gives equal bytes under one
 * key; memory does not grow with the size of the files.
 */
import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { pack, type Pack } from "tar-stream";
import { PipelineError, userError } from "../../errors.ts";
import { byCodeUnit } from "../../hashing/canonical.ts";
import { digestOf } from "../../std/digest.ts";
import { syncDirectory, syncPath } from "../durable.ts";
import type { ExecutionRecord, RunRecord } from "../records.ts";
import type { Store } from "../store.ts";
import { blobName, encodeManifest, entryName, MANIFEST_NAME } from "./archive-manifest.ts";
import { totalBytes, verified, type BlobName } from "./blob.ts";
import { encodeEntry } from "./entry.ts";
import { ByteCount, type TransferOptions } from "./progress.ts";
import { localBlobs, outputObjects, type LocalBlob } from "./local-blobs.ts";
import type { SigningKey } from "./signing-key.ts";

export interface ArchiveContent {
  readonly run?: RunRecord | undefined;
  /** What others were made from first. */
  readonly executions: readonly ExecutionRecord[];
  /** Fingerprints of those whose files are left out. */
  readonly withoutFiles: ReadonlySet<string>;
}

export interface ArchiveSummary {
  readonly file: string;
  readonly sizeBytes: number;
  readonly executions: number;
  readonly files: number;
}

/** Throws `FILE_EXISTS` and `ARTIFACT_DAMAGED`; `file` is there whole or not at all. */
export async function writeArchive(
  store: Store,
  { run, executions, withoutFiles }: ArchiveContent,
  key: SigningKey,
  file: string,
  { signal, onProgress }: TransferOptions,
): Promise<ArchiveSummary> {
  if (existsSync(file))
    throw userError("FILE_EXISTS", `${file} is there already`, "name another with --output, or move it away");
  const full = executions.filter(({ fingerprint }) => !withoutFiles.has(fingerprint));
  const blobs = [...(await localBlobs(store, full)).values()].sort((a, b) => byCodeUnit(a.sha256, b.sha256));
  const entries = executions.map((execution) => ({
    fingerprint: execution.fingerprint,
    text: encodeEntry(
      execution,
      withoutFiles.has(execution.fingerprint) ? [] : outputObjects(store, execution),
      key,
    ),
  }));
  const manifest = encodeManifest(
    {
      run: run === undefined ? null : portableRun(run),
      entries: entries.map(({ fingerprint, text }) => ({
        fingerprint,
        sha256: digestOf(text),
        withFiles: !withoutFiles.has(fingerprint),
      })),
      blobs: blobs.map(({ sha256, sizeBytes }): BlobName => ({ sha256, sizeBytes })),
    },
    key,
  );
  const count = new ByteCount(totalBytes(blobs), onProgress);
  const texts = [
    [MANIFEST_NAME, manifest] as const,
    ...entries.map(({ fingerprint, text }) => [entryName(fingerprint), text] as const),
  ];
  const sizeBytes = await writeWhole(file, signal, (tar, stop) => fill(tar, texts, blobs, count, stop));
  return { file, sizeBytes, executions: executions.length, files: blobs.length };
}

const portableRun = ({ origin: _origin, ...run }: RunRecord): Omit<RunRecord, "origin"> => run;

/** The same on every machine and day. */
const plain = (name: string, size: number) => ({ name, size, mode: 0o644, mtime: new Date(0) });

async function fill(
  tar: Pack,
  texts: readonly (readonly [string, string])[],
  blobs: readonly LocalBlob[],
  count: ByteCount,
  signal: AbortSignal,
): Promise<void> {
  for (const [name, text] of texts) {
    const bytes = Buffer.from(text);
    await pipeline([bytes], tar.entry(plain(name, bytes.byteLength)), { signal });
  }
  for (const blob of blobs) {
    const chunks: AsyncIterable<Buffer> = createReadStream(blob.path);
    const sink = tar.entry(plain(blobName(blob.sha256), blob.sizeBytes));
    await pipeline(verified(chunks, blob, "this project's store", count.add), sink, { signal });
  }
  tar.finalize();
}

/** Beside the target first, then renamed. Answers the size in bytes. */
async function writeWhole(
  file: string,
  signal: AbortSignal,
  write: (tar: Pack, signal: AbortSignal) => Promise<void>,
): Promise<number> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  const tar = pack();
  const sink = createWriteStream(temporary, { flags: "wx" });
  // Where one end fails, the other must not wait for it.
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const written = pipeline(tar, sink, { signal: stop });
  const filled = write(tar, stop);
  const fail = (error: unknown): never => {
    failed.abort(error);
    throw error;
  };
  try {
    const ends = await Promise.allSettled([filled.catch(fail), written.catch(fail)]);
    if (failed.signal.aborted) throw failed.signal.reason;
    if (ends.some(({ status }) => status === "rejected")) throw stop.reason;
    await syncPath(temporary);
    await rename(temporary, file);
    await syncDirectory(dirname(join(file)));
    return sink.bytesWritten;
  } catch (error) {
    await rm(temporary, { force: true });
    signal.throwIfAborted();
    if (error instanceof PipelineError) throw error;
    throw new PipelineError({
      code: "ARCHIVE_NOT_WRITTEN",
      message: `${file} could not be written: ${error instanceof Error ? error.message : String(error)}`,
      hint: "see that the folder exists and has room; nothing of it was left behind",
      cause: error,
    });
  }
}
