/**
 * Streams of gzip (RFC 1952) and Zstandard (RFC 8878), several members or frames in a row included. A stream that is cut
 * short, broken or swells beyond all measure is an error; checksums of Zstandard are not looked at.
 */
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { Decompress } from "fzstd";
import { PipelineError } from "../../errors.ts";
import type { FileKind } from "./file-kind.ts";
import { ZstdFrames } from "./zstd-frames.ts";

/** Text gets at most ten or twenty times smaller; what swells further is a zip bomb, once it is large. */
const MAX_RATIO = 250;
const ALWAYS_BYTES = 64 * 1024 * 1024;

/** Decoders are fed this much at once: of what swells, no more comes out before it is looked at. */
const STEP_BYTES = 64 * 1024;

/** `where` is named in errors. Throws FILE_CORRUPT or FILE_SWELLS. */
export async function* decompressed(
  bytes: AsyncIterable<Uint8Array>,
  compression: FileKind["compression"],
  where: string,
): AsyncGenerator<Uint8Array> {
  if (compression === undefined) {
    yield* bytes;
    return;
  }
  let taken = 0;
  let given = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      for (let at = 0; at < chunk.length; at += STEP_BYTES) {
        const step = chunk.subarray(at, at + STEP_BYTES);
        taken += step.length;
        yield step;
      }
    }
  };
  try {
    for await (const chunk of compression === "gzip" ? gunzip(counted()) : unzstd(counted())) {
      given += chunk.length;
      if (given > ALWAYS_BYTES && given > taken * MAX_RATIO) throw swells(where, taken, given);
      yield chunk;
    }
  } catch (cause) {
    if (cause instanceof PipelineError) throw cause;
    throw new PipelineError({
      code: "FILE_CORRUPT",
      message: `${where}: not a whole ${compression} file: ${cause instanceof Error ? cause.message : String(cause)}.`,
      hint: "Make or fetch the file again.",
      cause,
    });
  }
}

async function* gunzip(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = Readable.from(bytes);
  const gunzipped = createGunzip();
  pipeline(source, gunzipped, () => {
    // An error destroys `gunzipped`, whose iteration below then throws it.
  });
  try {
    for await (const chunk of gunzipped as AsyncIterable<Uint8Array>) yield chunk;
  } finally {
    source.destroy(); // a reader that stops early closes the file below
  }
}

async function* unzstd(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const frames = new ZstdFrames();
  let decoded: Uint8Array[] = [];
  const decoder = new Decompress((chunk) => decoded.push(chunk.slice())); // the decoder uses its buffer again
  for await (const chunk of bytes) {
    frames.follow(chunk);
    // A step of runs decodes to a thousand times its size and more: in small parts, so that it is never together in memory.
    for (let at = 0; at < chunk.length; at += PART_BYTES) {
      decoder.push(chunk.subarray(at, at + PART_BYTES));
      yield* decoded;
      decoded = [];
    }
  }
  if (!frames.complete) throw new RangeError("unexpected end of file");
}

/** 256 blocks of runs, 128 KiB each. */
const PART_BYTES = 1024;

function swells(where: string, taken: number, given: number): PipelineError {
  return new PipelineError({
    code: "FILE_SWELLS",
    message: `${where}: ${taken} compressed bytes became ${given}, more than ${MAX_RATIO} times as many.`,
    hint: "No text does that: the file is broken, or made to fill memory and disks. Do not use it.",
  });
}
