/** Reads a gzipped tar (POSIX ustar/pax) in place, entry after entry; nothing is unpacked to disk. */
import { pipeline, type Readable } from "node:stream";
import { constants, createGunzip } from "node:zlib";
import tar from "tar-stream";
import { PipelineError } from "../../errors.ts";
import type { SourceFile } from "../sources/source.ts";

export interface TarOptions {
  /** Named in errors: what it is, and where. */
  readonly name: string;
  /** Reading ends after this entry; for archives of which only the beginning is at hand. */
  readonly lastEntry?: string | undefined;
  /** Default 64 MiB. */
  readonly maxEntryBytes?: number | undefined;
}

const MAX_ENTRY_BYTES = 64 * 1024 * 1024;

/**
 * Regular files whose path (without the archive's top folder) `wanted` accepts. Throws ARCHIVE_CORRUPT for what is
 * no gzipped tar or ends too early, ARCHIVE_ENTRY_TOO_LARGE beyond the bound.
 */
export async function* tarEntries(
  archive: Readable,
  wanted: (path: string) => boolean,
  { name, lastEntry, maxEntryBytes = MAX_ENTRY_BYTES }: TarOptions,
): AsyncGenerator<SourceFile> {
  const corrupt = (cause: unknown): PipelineError =>
    cause instanceof PipelineError ? cause : archiveCorrupt(name, cause);
  const extract = tar.extract();
  // An error destroys `extract`, whose iteration below then throws it.
  const onEnd = (): void => undefined;
  if (lastEntry === undefined) {
    pipeline(archive, createGunzip(), extract, onEnd);
  } else {
    const gunzip = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }); // takes the cut end for an end
    pipeline(archive, gunzip, padWithZeros, extract, onEnd);
  }
  try {
    for await (const entry of extract) {
      const inside = entry.header.name.replace(/^[^/]*\//u, "");
      const { size } = entry.header;
      if (entry.header.type === "file" && wanted(inside)) {
        if (size > maxEntryBytes) throw tooLarge(name, inside, size, maxEntryBytes);
        yield {
          path: inside,
          size,
          streamed: true,
          open: (start = 0, end = size) => slice(entry, start, end, corrupt),
        };
      }
      if (inside === lastEntry) return;
      entry.resume();
    }
    if (lastEntry !== undefined) throw new Error(`entry ${lastEntry} is missing`);
  } catch (cause) {
    throw corrupt(cause);
  } finally {
    archive.destroy();
    extract.destroy();
  }
}

/**
 * Keeps a cut archive from ending, which would be an error, before its last wanted entry has been read: zeros
 * complete the entry that was cut and then are the archive's end mark. They are made only as far as they are read.
 */
async function* padWithZeros(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* bytes;
  const zeros = new Uint8Array(1 << 16);
  for (let padded = 0; padded <= MAX_ENTRY_BYTES; padded += zeros.length) yield zeros;
}

/** Reads to the end whatever range is asked, since the next entry follows in the same stream. */
async function* slice(
  entry: AsyncIterable<unknown>,
  start: number,
  end: number,
  corrupt: (cause: unknown) => PipelineError,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  try {
    for await (const chunk of entry as AsyncIterable<Uint8Array>) {
      const part = chunk.subarray(Math.max(0, start - at), Math.max(0, end - at));
      at += chunk.length;
      if (part.length > 0) yield part;
    }
  } catch (cause) {
    throw corrupt(cause); // the archive ended, or broke, inside this entry
  }
}

function archiveCorrupt(name: string, cause: unknown): PipelineError {
  return new PipelineError({
    code: "ARCHIVE_CORRUPT",
    message: `${name} is not a whole gzipped tar: ${cause instanceof Error ? cause.message : String(cause)}.`,
    hint: "Remove the file and run again to fetch it anew.",
    cause,
  });
}

function tooLarge(name: string, path: string, size: number, bound: number): PipelineError {
  return new PipelineError({
    code: "ARCHIVE_ENTRY_TOO_LARGE",
    message: `${name}: ${path} has ${size} bytes; at most ${bound} are read.`,
    hint: "This is not the archive that was expected; check the registry it comes from.",
  });
}
