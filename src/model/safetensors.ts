/**
 * safetensors files (https://github.com/huggingface/safetensors, "Format"): eight bytes of little-endian header size,
 * a JSON header, then the tensors' bytes back to back. Read and written one tensor at a time; float32 and int32 only.
 */
import { createHash } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";
import { PipelineError } from "../errors.ts";
import { isObject } from "../std/json.ts";
import { shapeText, sizeOf, type HostTensor, type Shape } from "../tensor/types.ts";

/** Headers of the largest published models are under a megabyte; a longer one is not a header. */
const maxHeaderBytes = 100_000_000;

const typeNames = { float32: "F32", int32: "I32" } as const;
type StoredType = keyof typeof typeNames;

export interface TensorEntry {
  readonly name: string;
  readonly dtype: StoredType;
  readonly shape: Shape;
}

interface PlacedTensor extends TensorEntry {
  /** Byte range in the file. */
  readonly start: number;
  readonly end: number;
}

export interface SafetensorsReader extends AsyncDisposable {
  readonly entries: readonly TensorEntry[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Throws `SAFETENSORS_INVALID` where there is no such tensor. */
  read(name: string): Promise<HostTensor>;
}

/** Opens a file and checks its header: sizes, types, and that the tensors tile the rest exactly. Throws `SAFETENSORS_INVALID`. */
export async function openSafetensors(path: string): Promise<SafetensorsReader> {
  const file = await open(path, "r");
  try {
    const { tensors, metadata } = await readHeader(file, path);
    return {
      entries: [...tensors.values()],
      metadata,
      async read(name) {
        const tensor = tensors.get(name);
        if (tensor === undefined) throw invalid(path, `there is no tensor ${name}`);
        return readTensor(file, path, tensor);
      },
      [Symbol.asyncDispose]: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A file that the system has got; a reader must not look at it before it is on the disk. */
export interface UnflushedFile {
  /** Its sha256. */
  readonly digest: string;
  /** Resolves when it is on the disk. To be awaited in any case. */
  readonly flushed: Promise<void>;
}

/**
 * Writes tensors in the order of `entries`, asking for each when its turn comes; when it resolves, the last has been asked
 * for. The caller chooses a path that no reader looks at before. One tensor is asked for while the one before is written.
 * Throws `SAFETENSORS_INVALID` where `read` gives another shape or type than its entry says.
 */
export async function writeUnflushed(
  path: string,
  entries: readonly TensorEntry[],
  read: (name: string) => Promise<HostTensor>,
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): Promise<UnflushedFile> {
  const file = await open(path, "w");
  const content = createHash("sha256");
  let writing = Promise.resolve();
  const add = async (bytes: Uint8Array): Promise<void> => {
    content.update(bytes);
    await writing;
    writing = writeAll(file, bytes);
    writing.catch(() => undefined); // thrown where it is awaited
  };
  try {
    await add(encodeHeader(entries, metadata));
    for (const { name, dtype, shape } of entries) {
      const value = await read(name);
      if (value.dtype !== dtype || shapeText(value.shape) !== shapeText(shape))
        throw invalid(
          path,
          `${name} should be ${dtype}${shapeText(shape)} and is ${value.dtype}${shapeText(value.shape)}`,
        );
      await add(new Uint8Array(value.data.buffer, value.data.byteOffset, value.data.byteLength));
    }
    await writing;
  } catch (error) {
    await writing.catch(() => undefined);
    await file.close();
    throw error;
  }
  return { digest: content.digest("hex"), flushed: file.sync().finally(() => file.close()) };
}

/** As `writeUnflushed`, and on the disk when it resolves, to the file's sha256. */
export async function writeSafetensors(...file: Parameters<typeof writeUnflushed>): Promise<string> {
  const { digest, flushed } = await writeUnflushed(...file);
  await flushed;
  return digest;
}

const invalid = (path: string, problem: string): PipelineError =>
  new PipelineError({
    code: "SAFETENSORS_INVALID",
    message: `${path}: ${problem}`,
    hint: "The file is damaged or of another kind. Make or fetch it again.",
  });

function encodeHeader(entries: readonly TensorEntry[], metadata: Readonly<Record<string, string>>): Buffer {
  let offset = 0;
  const tensors = entries.map(({ name, dtype, shape }) => {
    const begin = offset;
    offset += sizeOf(shape) * 4;
    return [name, { dtype: typeNames[dtype], shape, data_offsets: [begin, offset] }] as const;
  });
  const json = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(tensors) });
  // Spaces bring the tensors to a multiple of eight bytes, as the reference library does.
  const bytes = Buffer.byteLength(json);
  const header = Buffer.alloc(8 + bytes + ((8 - (bytes % 8)) % 8), " ");
  header.writeBigUInt64LE(BigInt(header.length - 8), 0);
  header.write(json, 8);
  return header;
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;)
    written += (await file.write(bytes, written, bytes.length - written)).bytesWritten;
}

async function readExactly(file: FileHandle, path: string, start: number, bytes: Uint8Array): Promise<void> {
  for (let read = 0; read < bytes.length;) {
    const { bytesRead } = await file.read(bytes, read, bytes.length - read, start + read);
    if (bytesRead === 0) throw invalid(path, `it ends at byte ${start + read}`);
    read += bytesRead;
  }
}

async function readTensor(file: FileHandle, path: string, tensor: PlacedTensor): Promise<HostTensor> {
  const buffer = new ArrayBuffer(tensor.end - tensor.start);
  await readExactly(file, path, tensor.start, new Uint8Array(buffer));
  const { dtype, shape } = tensor;
  return dtype === "float32"
    ? { dtype, shape, data: new Float32Array(buffer) }
    : { dtype, shape, data: new Int32Array(buffer) };
}

interface Header {
  readonly tensors: ReadonlyMap<string, PlacedTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

async function readHeader(file: FileHandle, path: string): Promise<Header> {
  const { size } = await file.stat();
  const prefix = Buffer.alloc(8);
  await readExactly(file, path, 0, prefix);
  const headerBytes = Number(prefix.readBigUInt64LE());
  if (headerBytes > Math.min(maxHeaderBytes, size - 8))
    throw invalid(path, `a header of ${headerBytes} bytes does not fit a file of ${size}`);
  const text = Buffer.alloc(headerBytes);
  await readExactly(file, path, 8, text);

  const json = parseObject(text.toString("utf8"), path);
  const tensors = new Map<string, PlacedTensor>();
  const metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(json)) {
    if (name !== "__metadata__") tensors.set(name, placeTensor(name, value, 8 + headerBytes, path));
    else if (isObject(value))
      for (const [key, entry] of Object.entries(value)) {
        if (typeof entry !== "string") throw invalid(path, `metadata ${key} is not a string`);
        metadata[key] = entry;
      }
    else throw invalid(path, "__metadata__ is not an object");
  }

  let end = 8 + headerBytes;
  for (const tensor of [...tensors.values()].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (tensor.start !== end)
      throw invalid(path, `${tensor.name} begins at byte ${tensor.start}, not at ${end}`);
    end = tensor.end;
  }
  if (end !== size) throw invalid(path, `its tensors end at byte ${end}, the file at ${size}`);
  return { tensors, metadata };
}

function parseObject(text: string, path: string): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new PipelineError({
      code: "SAFETENSORS_INVALID",
      message: `${path}: its header is not JSON`,
      hint: "Is it a safetensors file?",
      cause,
    });
  }
  if (!isObject(json)) throw invalid(path, "its header is not a JSON object");
  return json;
}

const isSizes = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);

function placeTensor(name: string, value: unknown, dataStart: number, path: string): PlacedTensor {
  if (!isObject(value)) throw invalid(path, `${name} is not described by an object`);
  const { dtype: typeName, shape, data_offsets: offsets } = value;
  const dtype = typeName === "F32" ? "float32" : typeName === "I32" ? "int32" : undefined;
  if (dtype === undefined)
    throw invalid(path, `${name} has type ${JSON.stringify(typeName)}; F32 and I32 can be read`);
  if (!isSizes(shape)) throw invalid(path, `${name} has shape ${JSON.stringify(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2)
    throw invalid(path, `${name} has data_offsets ${JSON.stringify(offsets)}`);
  const [begin = 0, end = 0] = offsets;
  if (end - begin !== sizeOf(shape) * 4)
    throw invalid(
      path,
      `${name} ${shapeText(shape)} takes ${sizeOf(shape) * 4} bytes, its data_offsets ${end - begin}`,
    );
  return { name, dtype, shape, start: dataStart + begin, end: dataStart + end };
}
