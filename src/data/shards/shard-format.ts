/**
 * The bytes of a token shard. `NAME.tokens`: a 64-byte header, then the token ids, little-endian, two bytes each (four
 * above 65,536 tokens). `NAME.documents` beside it: five 32-bit numbers a document, in order.
 *
 *     0   8 bytes   magic "MLMSHARD"        16  8 bytes   tokens
 *     8   4 bytes   version, 1              24  8 bytes   documents
 *     12  4 bytes   bytes per token         32  32 bytes  SHA-256 of tokenizer.json
 */
import { endianness } from "node:os";
import { PipelineError } from "../../errors.ts";

export const shardVersion = 1;
export const headerBytes = 64;
const magic = "MLMSHARD";

export type BytesPerToken = 2 | 4;

export interface ShardHeader {
  readonly bytesPerToken: BytesPerToken;
  readonly tokens: number;
  readonly documents: number;
  /** 64 hex digits. */
  readonly tokenizerDigest: string;
}

/** One document of a shard. */
export interface DocumentEntry {
  /** Tokens, with `<|endoftext|>` where the shard has one. */
  readonly tokens: number;
  /** Bytes of its text in UTF-8. */
  readonly bytes: number;
  /** 64 bits of its content that decide the split (see document-hash.ts). */
  readonly hash: readonly [high: number, low: number];
  /** Place of its stratum in the manifest. */
  readonly stratum: number;
}

/** Numbers a document in `NAME.documents`: tokens, bytes, hash high, hash low, stratum. */
export const entryNumbers = 5;

export function shardInvalid(file: string, reason: string, cause?: unknown): PipelineError {
  return new PipelineError({
    code: "SHARD_INVALID",
    message: `The token shard ${file} cannot be used: ${reason}.`,
    hint: "Run the stage that made it again; if this comes back, look for a full or failing disk.",
    cause,
  });
}

export function bytesPerTokenFor(vocabSize: number): BytesPerToken {
  return vocabSize <= 0x10000 ? 2 : 4;
}

export function encodeHeader(header: ShardHeader): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  bytes.write(magic, 0, "latin1");
  bytes.writeUInt32LE(shardVersion, 8);
  bytes.writeUInt32LE(header.bytesPerToken, 12);
  bytes.writeBigUInt64LE(BigInt(header.tokens), 16);
  bytes.writeBigUInt64LE(BigInt(header.documents), 24);
  bytes.write(header.tokenizerDigest, 32, "hex");
  return bytes;
}

/** Throws SHARD_INVALID naming `file` for what is no header of this version. */
export function decodeHeader(bytes: Buffer, file: string): ShardHeader {
  if (bytes.length < headerBytes)
    throw shardInvalid(file, `it has ${bytes.length} bytes, less than a header`);
  if (bytes.toString("latin1", 0, 8) !== magic)
    throw shardInvalid(file, "it does not begin like a token shard");
  const version = bytes.readUInt32LE(8);
  if (version !== shardVersion) throw shardInvalid(file, `its version is ${version}, not ${shardVersion}`);
  const bytesPerToken = bytes.readUInt32LE(12);
  if (bytesPerToken !== 2 && bytesPerToken !== 4) {
    throw shardInvalid(file, `it claims ${bytesPerToken} bytes per token, not 2 or 4`);
  }
  return {
    bytesPerToken,
    tokens: Number(bytes.readBigUInt64LE(16)),
    documents: Number(bytes.readBigUInt64LE(24)),
    tokenizerDigest: bytes.toString("hex", 32, 64),
  };
}

/** Token ids as they stand in the file. */
export function packTokens(ids: Uint32Array, bytesPerToken: BytesPerToken): Buffer<ArrayBuffer> {
  return littleEndian(bytesPerToken === 2 ? new Uint16Array(ids) : ids.slice());
}

/**
 * Room for token ids at the beginning of `memory`: `bytes` is what a file is read into, `ids` the same as numbers once
 * `swap` has turned the file's byte order into the machine's. Called again, it turns them back.
 */
export function tokenRoom(
  count: number,
  bytesPerToken: BytesPerToken,
  memory = new ArrayBuffer(count * bytesPerToken),
) {
  const ids = bytesPerToken === 2 ? new Uint16Array(memory, 0, count) : new Uint32Array(memory, 0, count);
  return { ids, bytes: Buffer.from(memory, 0, ids.byteLength), swap: () => void littleEndian(ids) };
}

/** Room for `putEntry`. */
export const entryBytes = entryNumbers * 4;

export function putEntry(into: Buffer, { tokens, bytes, hash: [high, low], stratum }: DocumentEntry): void {
  into.writeUInt32LE(tokens, 0);
  into.writeUInt32LE(bytes, 4);
  into.writeUInt32LE(high, 8);
  into.writeUInt32LE(low, 12);
  into.writeUInt32LE(stratum, 16);
}

export function unpackNumbers(bytes: Buffer): Uint32Array {
  const numbers = new Uint32Array(bytes.length / 4);
  Buffer.from(numbers.buffer).set(bytes);
  littleEndian(numbers);
  return numbers;
}

/** The bytes of the numbers in the file's order, in place. */
function littleEndian(numbers: Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>): Buffer<ArrayBuffer> {
  const bytes = Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  if (endianness() !== "LE") {
    if (numbers.BYTES_PER_ELEMENT === 2) bytes.swap16();
    else bytes.swap32();
  }
  return bytes;
}
