/**
 * Follows the frames and blocks of a Zstandard stream without decoding them, so that no decoder takes memory for a window
 * beyond the bound, and a stream that ends inside a frame is known. Format: RFC 8878, section 3.1.
 */

/** The largest window of `zstd` without --long, and what RFC 8878 (3.1.1.1.2) lets a decoder refuse beyond. */
export const MAX_WINDOW_BYTES = 128 * 1024 * 1024;

const [FRAME_MAGIC, SKIPPABLE_MAGIC] = [0xfd2fb528, 0x184d2a5];
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const RLE = 1;
const RESERVED = 3;

export class ZstdFrames {
  /** Of a header that goes on in the next bytes. */
  #pending: Uint8Array = new Uint8Array();
  /** Bytes of a block, checksum or skippable frame that are still to come. */
  #skip = 0;
  /** Undefined between frames. */
  #frame: { readonly checksum: boolean } | undefined;

  /** Whether the stream may end here. */
  get complete(): boolean {
    return this.#frame === undefined && this.#skip === 0 && this.#pending.length === 0;
  }

  /** Throws RangeError for what is no Zstandard, or takes too large a window. */
  follow(chunk: Uint8Array): void {
    const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    let at = 0;
    for (;;) {
      const skipped = Math.min(this.#skip, bytes.length - at);
      at += skipped;
      this.#skip -= skipped;
      const header = at === bytes.length ? 0 : this.#header(bytes.subarray(at));
      if (header === 0) break;
      at += header;
    }
    this.#pending = new Uint8Array(bytes.subarray(at));
  }

  /** How many bytes the header at the beginning takes; 0 where it is not whole. */
  #header(bytes: Uint8Array): number {
    return this.#frame === undefined
      ? this.#frameHeader(bytes)
      : this.#blockHeader(bytes, this.#frame.checksum);
  }

  #frameHeader(bytes: Uint8Array): number {
    if (bytes.length < 5) return 0;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const magic = view.getUint32(0, true);
    if (magic >>> 4 === SKIPPABLE_MAGIC) {
      if (bytes.length < 8) return 0;
      this.#skip = view.getUint32(4, true);
      return 8;
    }
    if (magic !== FRAME_MAGIC) throw new RangeError("not Zstandard");
    const descriptor = view.getUint8(4);
    const singleSegment = (descriptor & 0x20) !== 0;
    const sizeFlag = descriptor >> 6;
    const sizeBytes = sizeFlag === 0 ? (singleSegment ? 1 : 0) : 2 ** sizeFlag;
    const sizeAt = 5 + (singleSegment ? 0 : 1) + (DICTIONARY_ID_BYTES[descriptor & 3] ?? 0);
    if (bytes.length < sizeAt + sizeBytes) return 0;
    const window = singleSegment ? contentSize(view, sizeAt, sizeBytes) : windowSize(view.getUint8(5));
    if (window > MAX_WINDOW_BYTES)
      throw new RangeError(`it takes a window of ${window} bytes; at most ${MAX_WINDOW_BYTES} are kept`);
    this.#frame = { checksum: (descriptor & 4) !== 0 };
    return sizeAt + sizeBytes;
  }

  #blockHeader(bytes: Uint8Array, checksum: boolean): number {
    if (bytes.length < 3) return 0;
    const header = (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8) | ((bytes[2] ?? 0) << 16);
    const type = (header >> 1) & 3;
    if (type === RESERVED) throw new RangeError("a block of an unknown type");
    this.#skip = type === RLE ? 1 : header >> 3;
    if ((header & 1) === 1) {
      this.#skip += checksum ? 4 : 0;
      this.#frame = undefined;
    }
    return 3;
  }
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function contentSize(view: DataView, at: number, bytes: number): number {
  if (bytes === 1) return view.getUint8(at);
  if (bytes === 2) return view.getUint16(at, true) + 256;
  return bytes === 4 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true));
}
