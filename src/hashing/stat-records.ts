/**
 * What is remembered of files that were hashed: path, stat and digest of each, packed into one buffer, so that a
 * hundred thousand of them are read and compared in the time that their stats take. Pure; nothing is read or written.
 */

/** Files in path order; index i belongs to the i-th of each. */
export interface StatRecords {
  /** Relative to what was hashed, joined by NUL, which no path holds. */
  readonly paths: string;
  /** Four a file: size, mtimeNs, ctimeNs, inode. */
  readonly stats: BigInt64Array;
  /**
   * One a file: 1 where it was written so shortly before it was hashed that another write could have left the same
   * stat ("racy", as in Git's index): it is hashed again until it has aged.
   */
  readonly racy: Uint8Array;
  /** 32 bytes a file: sha256. */
  readonly digests: Uint8Array;
  /** Hex sha256 of the whole. */
  readonly digest: string;
}

export const STAT_FIELDS = 4;
export const DIGEST_BYTES = 32;

/** Raised when the layout changes; older buffers are then forgotten. */
const MAGIC = "stats\0\0\u0001";
const HEAD_BYTES = MAGIC.length + 8 + DIGEST_BYTES;

/** Layout: magic, number of files (uint64), digest of the whole, stats, racy, digests, paths. Little-endian. */
export function encodeStatRecords({ paths, stats, racy, digests, digest }: StatRecords): Uint8Array {
  const head = Buffer.alloc(HEAD_BYTES);
  head.write(MAGIC, "latin1");
  head.writeBigUInt64LE(BigInt(racy.length), MAGIC.length);
  head.write(digest, MAGIC.length + 8, "hex");
  const statBytes = new Uint8Array(stats.buffer, stats.byteOffset, stats.byteLength);
  return Buffer.concat([head, statBytes, racy, digests, Buffer.from(paths, "utf8")]);
}

/** Undefined for what is no whole buffer of this layout. */
export function decodeStatRecords(bytes: Uint8Array): StatRecords | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.byteLength < HEAD_BYTES || buffer.toString("latin1", 0, MAGIC.length) !== MAGIC)
    return undefined;
  const count = Number(buffer.readBigUInt64LE(MAGIC.length));
  const statBytes = count * STAT_FIELDS * 8;
  const racyAt = HEAD_BYTES + statBytes;
  const digestsAt = racyAt + count;
  const pathsAt = digestsAt + count * DIGEST_BYTES;
  if (!Number.isSafeInteger(pathsAt) || pathsAt > buffer.byteLength) return undefined;
  // Copied: the typed array must begin at a multiple of eight bytes.
  const stats = new BigInt64Array(Uint8Array.from(buffer.subarray(HEAD_BYTES, racyAt)).buffer);
  return {
    paths: buffer.toString("utf8", pathsAt),
    stats,
    racy: buffer.subarray(racyAt, digestsAt),
    digests: buffer.subarray(digestsAt, pathsAt),
    digest: buffer.toString("hex", MAGIC.length + 8, HEAD_BYTES),
  };
}
