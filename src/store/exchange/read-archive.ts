/**
 * Reads an archive front to back through constant memory. Everything is verified before anything is committed, and
 * the commit is one transaction; an archive that ends early or was altered leaves nothing.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { pipeline } from "node:stream/promises";
import { extract, type Extract } from "tar-stream";
import { PipelineError, userError } from "../../errors.ts";
import { digestOf } from "../../std/digest.ts";
import type { ObjectRecord, Origin } from "../records.ts";
import type { ReceivedExecution, Store } from "../store.ts";
import {
  blobName,
  decodeManifest,
  entryName,
  MANIFEST_NAME,
  type ArchiveManifest,
} from "./archive-manifest.ts";
import { totalBytes, verified } from "./blob.ts";
import { decodeEntry, listsFiles, type Entry, type PortableObject } from "./entry.ts";
import { ByteCount, type TransferOptions } from "./progress.ts";
import { isPresent, missingObjects, receivedExecution } from "./received.ts";
import { MAX_DOCUMENT_BYTES, type Trust } from "./signed-document.ts";
import { Staging } from "./staging.ts";

export interface ImportedExecution {
  readonly fingerprint: string;
  readonly stageId: string;
  /** `present`: this project had it with all its files. `lineage`: the record came without files. */
  readonly outcome: "imported" | "present" | "lineage";
}

export interface ImportSummary {
  readonly file: string;
  /** Who vouches for it. */
  readonly key: string;
  readonly runId: string | null;
  readonly executions: readonly ImportedExecution[];
  /** Files that were missing here, each once. */
  readonly files: number;
  readonly sizeBytes: number;
}

export interface ImportOptions extends TransferOptions {
  readonly trust: Trust;
  /** Verify all, write nothing. */
  readonly dryRun: boolean;
}

/** Throws `ARCHIVE_NOT_FOUND`, `ARCHIVE_BROKEN`, and what entries, keys and blobs throw. */
export async function readArchive(
  store: Store,
  file: string,
  options: ImportOptions,
): Promise<ImportSummary> {
  const info = await stat(file).catch(() => undefined);
  if (info?.isFile() !== true)
    throw userError("ARCHIVE_NOT_FOUND", `${file} is no file`, "give the path of what export-run wrote");
  const tar = extract();
  const feeding = pipeline(createReadStream(file), tar, { signal: options.signal });
  feeding.catch(() => undefined); // it shows where the tar is read
  let staging: Staging | undefined;
  try {
    const parts = tar[Symbol.asyncIterator]();
    const { manifest, entries } = await readDocuments(parts, file, options.trust);
    if (totalBytes(manifest.blobs) > info.size)
      throw broken(file, "it is shorter than the files that it lists");
    const incoming = await Promise.all(
      entries.map(async (entry, index): Promise<Incoming> => {
        const withFiles = manifest.entries[index]?.withFiles === true;
        const present = await isPresent(store, entry);
        const missing = withFiles && !present ? await missingObjects(store, entry) : [];
        return { entry, missing, outcome: present ? "present" : withFiles ? "imported" : "lineage" };
      }),
    );
    assertListed(file, manifest, entries);
    const objects = distinctObjects(incoming.flatMap(({ missing }) => missing));
    staging = options.dryRun ? undefined : await Staging.open(store, "import", objects);
    await readBlobs(parts, file, manifest, staging, options);
    await feeding;
    if (staging) {
      const adopted = await staging.adopt(options.signal);
      const origin = { key: manifest.key, at: new Date().toISOString(), from: basename(file) };
      commit(store, manifest, incoming, adopted, origin);
    }
    const blobs = new Map(objects.flatMap(({ files }) => files.map((each) => [each.sha256, each] as const)));
    return {
      file,
      key: manifest.key,
      runId: manifest.run?.runId ?? null,
      executions: incoming.map(({ entry: { execution }, outcome }) => {
        return { fingerprint: execution.fingerprint, stageId: execution.stageId, outcome };
      }),
      files: blobs.size,
      sizeBytes: totalBytes(blobs.values()),
    };
  } catch (error) {
    options.signal.throwIfAborted();
    throw error instanceof PipelineError ? error : broken(file, messageOf(error), error);
  } finally {
    tar.destroy();
    await staging?.dispose();
  }
}

interface Incoming {
  readonly entry: Entry;
  readonly missing: readonly PortableObject[];
  readonly outcome: ImportedExecution["outcome"];
}

function commit(
  store: Store,
  { run }: ArchiveManifest,
  incoming: readonly Incoming[],
  adopted: ReadonlyMap<string, ObjectRecord>,
  origin: Origin,
): void {
  const received = incoming.flatMap(({ entry, outcome }): ReceivedExecution[] => {
    if (outcome === "present") return [];
    if (outcome === "imported") return [receivedExecution(entry, origin, adopted)];
    // A record with its files is worth more than one without.
    if (store.execution(entry.execution.fingerprint) !== undefined) return [];
    return [receivedExecution(entry, { ...origin, lineageOnly: true }, adopted)];
  });
  const isNews = run !== null && !store.runs().some(({ runId }) => runId === run.runId);
  store.receive(received, isNews ? { ...run, origin } : undefined);
}

type TarEntry = Extract extends AsyncIterable<infer Each> ? Each : never;
type Parts = AsyncIterator<TarEntry>;

async function readDocuments(
  parts: Parts,
  file: string,
  trust: Trust,
): Promise<{ manifest: ArchiveManifest & { readonly key: string }; entries: Entry[] }> {
  const text = await readText(await expect(parts, file, MANIFEST_NAME), file);
  const manifest = decodeManifest(text, `the archive ${file}`, trust);
  const entries: Entry[] = [];
  for (const { fingerprint, sha256, withFiles } of manifest.entries) {
    const name = entryName(fingerprint);
    const entryText = await readText(await expect(parts, file, name), file);
    if (digestOf(entryText) !== sha256) throw broken(file, `${name} is not the one that the manifest lists`);
    const entry = decodeEntry(entryText, `${name} of ${file}`, trust);
    if (withFiles && !listsFiles(entry))
      throw broken(file, `${name} does not list files as the manifest says`);
    if (entry.execution.fingerprint !== fingerprint)
      throw broken(file, `${name} is about ${entry.execution.fingerprint}`);
    entries.push(entry);
  }
  return { manifest, entries };
}

/** Every file of the entries is listed as a blob with its size, and no other. */
function assertListed(file: string, { blobs }: ArchiveManifest, entries: readonly Entry[]): void {
  const sizes = new Map(blobs.map(({ sha256, sizeBytes }) => [sha256, sizeBytes]));
  const files = entries.flatMap(({ objects }) => objects.flatMap((object) => object.files));
  for (const { sha256, sizeBytes, path } of files)
    if (sizes.get(sha256) !== sizeBytes) throw broken(file, `its manifest does not list ${path}, ${sha256}`);
  if (new Set(files.map(({ sha256 }) => sha256)).size !== blobs.length)
    throw broken(file, "its manifest lists files that belong to nothing");
}

/** What this project has already is verified too, and thrown away. */
async function readBlobs(
  parts: Parts,
  file: string,
  { blobs }: ArchiveManifest,
  staging: Staging | undefined,
  { signal, onProgress }: ImportOptions,
): Promise<void> {
  const count = new ByteCount(totalBytes(blobs), onProgress);
  for (const blob of blobs) {
    const part = await expect(parts, file, blobName(blob.sha256));
    const options = { what: file, onBytes: count.add, signal };
    if (staging?.wanted.has(blob.sha256) === true) await staging.receive(blob, bytesOf(part), options);
    else for await (const _chunk of verified(bytesOf(part), blob, file, count.add)) signal.throwIfAborted();
  }
  const more = await parts.next();
  if (more.done !== true) throw broken(file, "it holds more than its manifest lists");
}

async function expect(parts: Parts, file: string, name: string): Promise<TarEntry> {
  const next = await parts.next();
  if (next.done === true) throw broken(file, `it ends before ${name}`);
  const { header } = next.value;
  if (header.name !== name || header.type !== "file")
    throw broken(file, `${JSON.stringify(header.name)} (${header.type}) stands where ${name} should`);
  return next.value;
}

async function readText(part: TarEntry, file: string): Promise<string> {
  const size = part.header.size;
  if (size > MAX_DOCUMENT_BYTES) throw broken(file, `${part.header.name} has ${size} bytes`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytesOf(part)) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

async function* bytesOf(part: TarEntry): AsyncGenerator<Uint8Array> {
  for await (const chunk of part) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError("a tar gives bytes");
    yield chunk;
  }
}

const distinctObjects = (objects: readonly PortableObject[]): PortableObject[] => [
  ...new Map(objects.map((object) => [object.digest, object])).values(),
];

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const broken = (file: string, why: string, cause?: unknown): PipelineError =>
  new PipelineError({
    code: "ARCHIVE_BROKEN",
    message: `${file} is no whole archive: ${why}`,
    hint: "nothing was imported; copy it again, or ask its sender for a new one",
    cause,
  });
