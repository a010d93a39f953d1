/**
 * Records in the order of their keys, in bounded memory: what does not fit is dealt out to files by the key's upper
 * byte, and each file sorted by itself, by the next byte where it does not fit either. All reads and writes are
 * sequential. With random keys this is a uniform shuffle (Sanders, "Random permutations on distributed, external and
 * hierarchical memory", Information Processing Letters 67(6), 1998).
 */
import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { endianness } from "node:os";
import { join } from "node:path";
import { BlockWriter } from "./block-writer.ts";
import { endOfRecord, keyAt, type MixedRecord, recordAt } from "./mixed-record.ts";

export interface SortOptions {
  /** For files; made when needed, and empty again at the end. */
  readonly folder: string;
  /** Of records that are sorted at a time; as many are read meanwhile. */
  readonly memoryBytes: number;
}

const blockBytes = 1 << 17;
const chunkBytes = 1 << 20;
const keyBytes = 4;

/** Equal keys keep their order. `chunks` hold whole records. */
export async function* sortRecords(
  chunks: AsyncIterable<Buffer>,
  options: SortOptions,
): AsyncGenerator<MixedRecord> {
  yield* inOrder(await gather(chunks, options, 0), options, 0);
}

/** Records of equal upper bytes of their keys, `level` of them: in memory, or in files by the next byte. */
type Gathered =
  { readonly chunks: readonly Buffer[]; readonly files?: never } | { readonly files: readonly string[] };

async function gather(
  chunks: AsyncIterable<Buffer>,
  { folder, memoryBytes }: SortOptions,
  level: number,
): Promise<Gathered> {
  const held: Buffer[] = [];
  let heldBytes = 0;
  let dealt: DealtRecords | undefined;
  try {
    for await (const chunk of chunks) {
      if (dealt === undefined) {
        held.push(chunk);
        heldBytes += chunk.length;
        // Where all bytes were used, all keys are equal: nothing could be dealt out.
        if (heldBytes <= memoryBytes || level === keyBytes) continue;
        await mkdir(folder, { recursive: true });
        dealt = new DealtRecords(folder, level);
        for (const earlier of held.splice(0)) await dealt.add(earlier);
      } else await dealt.add(chunk);
    }
    return dealt === undefined ? { chunks: held } : { files: await dealt.finish() };
  } finally {
    await dealt?.close();
  }
}

async function* inOrder(
  gathered: Gathered,
  options: SortOptions,
  level: number,
): AsyncGenerator<MixedRecord> {
  if (gathered.files === undefined) {
    yield* sorted(gathered.chunks);
    return;
  }
  const { files } = gathered;
  // One file is read while the records of the one before it are used.
  const read = (index: number): Promise<Gathered> => {
    const file = files[index];
    const reading =
      file === undefined ? Promise.resolve({ chunks: [] }) : gather(readChunks(file), options, level + 1);
    reading.catch(() => undefined); // thrown when its turn comes
    return reading;
  };
  let next = read(0);
  try {
    for (const [index, file] of files.entries()) {
      const current = await next;
      next = read(index + 1);
      yield* inOrder(current, options, level + 1);
      await rm(file);
    }
  } finally {
    await next.catch(() => undefined); // what was thrown before is what counts; nothing is left running
  }
}

function* sorted(chunks: readonly Buffer[]): Generator<MixedRecord> {
  const places: number[] = []; // chunk and offset of each record
  for (const [index, chunk] of chunks.entries())
    for (let at = 0; at < chunk.length; at = endOfRecord(chunk, at) as number) places.push(index, at);
  // Key above ordinal in 64 bits: the engine sorts these without calling back, and equal keys stay in order.
  const order = new BigUint64Array(places.length / 2);
  const halves = new Uint32Array(order.buffer);
  const [low, high] = endianness() === "LE" ? [0, 1] : [1, 0];
  for (let record = 0; record < order.length; record++) {
    halves[2 * record + low] = record;
    halves[2 * record + high] = keyAt(
      chunks[places[2 * record] as number] as Buffer,
      places[2 * record + 1] as number,
    );
  }
  order.sort();
  for (let place = 0; place < order.length; place++) {
    const record = halves[2 * place + low] as number;
    yield recordAt(chunks[places[2 * record] as number] as Buffer, places[2 * record + 1] as number);
  }
}

interface RecordFile {
  readonly path: string;
  readonly file: FileHandle;
  readonly writer: BlockWriter;
}

/** A file for each value of one byte of the key that occurs. */
class DealtRecords {
  readonly #folder: string;
  readonly #level: number;
  readonly #files: (RecordFile | undefined)[] = new Array<undefined>(256).fill(undefined);

  constructor(folder: string, level: number) {
    this.#folder = folder;
    this.#level = level;
  }

  async add(chunk: Buffer): Promise<void> {
    const shift = 24 - 8 * this.#level;
    for (let at = 0; at < chunk.length;) {
      const end = endOfRecord(chunk, at) as number;
      const byte = (keyAt(chunk, at) >>> shift) & 0xff;
      const { writer } = this.#files[byte] ?? (await this.#create(byte));
      const written = writer.append(chunk.subarray(at, end));
      if (written !== undefined) await written;
      at = end;
    }
  }

  /** The files, in the order of their keys. */
  async finish(): Promise<readonly string[]> {
    const files = this.#files.filter((file) => file !== undefined);
    for (const { writer } of files) await writer.flush();
    await this.close();
    return files.map(({ path }) => path);
  }

  async close(): Promise<void> {
    for (const file of this.#files.splice(0)) await file?.file.close();
  }

  async #create(byte: number): Promise<RecordFile> {
    const path = join(this.#folder, `${this.#level}-${byte}`);
    const file = await open(path, "w");
    return (this.#files[byte] = { path, file, writer: new BlockWriter(file, blockBytes) });
  }
}

/** A file in chunks of whole records. */
async function* readChunks(path: string): AsyncGenerator<Buffer> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    let position = 0;
    for (let wanted = chunkBytes; position < size;) {
      const chunk = Buffer.allocUnsafeSlow(Math.min(wanted, size - position));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
      if (bytesRead < chunk.length) throw new Error(`${path} became shorter while it was read`);
      let whole = 0;
      let end = endOfRecord(chunk, 0);
      for (; end !== undefined && end <= chunk.length; end = endOfRecord(chunk, whole)) whole = end;
      // A record that is longer than a chunk is read again, by itself.
      if (whole === 0 && position + chunk.length === size) throw new Error(`${path} ends within a record`);
      wanted = whole > 0 ? chunkBytes : (end ?? 2 * chunk.length);
      position += whole;
      if (whole > 0) yield chunk.subarray(0, whole);
    }
  } finally {
    await file.close();
  }
}
