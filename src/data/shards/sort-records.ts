/**
 * Records in the order of their keys, in bounded memory: what does not fit is dealt out to files by the key's upper
 * byte, and each file sorted by itself, by the next byte where it does not fit either. All reads and writes are
 * sequential. With random keys this is a uniform shuffle (Sanders, "Random permutations on distributed, external and
 * hierarchical memory", Information Processing Letters 67(6), 1998).
 */
import { mkdir, stat, unlink } from "node:fs/promises";
import { endianness } from "node:os";
import { DealtRecords } from "./dealt-records.ts";
import {
  endOfRecord,
  headBytes,
  keyAt,
  type MixedRecord,
  putHead,
  type RecordHead,
  recordAt,
} from "./mixed-record.ts";
import { HeldRecords, readChunks, readWhole } from "./record-chunks.ts";

export interface SortOptions {
  /** For files; made when needed, and empty again at the end. */
  readonly folder: string;
  /** Of records that are sorted at a time; as many are read meanwhile. */
  readonly memoryBytes: number;
}

const lastLevel = 3; // of the key's four bytes
const roomStep = 1 << 20;

/** Add records, one after the other, then ask for them in order; close it in any case. */
export class RecordSorter {
  readonly #options: SortOptions;
  readonly #head = Buffer.alloc(headBytes);
  readonly #held = new HeldRecords();
  #dealt: DealtRecords | undefined;

  constructor(options: SortOptions) {
    this.#options = options;
  }

  /** Copies the tokens. A promise only where there is something to wait for. */
  add(head: RecordHead, tokens: Uint8Array): Promise<void> | undefined {
    putHead(this.#head, 0, head, tokens.length);
    if (this.#dealt !== undefined) return this.#dealt.add(head.key, this.#head, tokens);
    this.#held.add(this.#head, tokens);
    return this.#held.bytes > this.#options.memoryBytes ? this.#deal() : undefined;
  }

  /** In groups, each of which holds until the next is asked for. Equal keys keep their order. */
  async *sorted(): AsyncGenerator<Iterable<MixedRecord>> {
    if (this.#dealt === undefined) yield inOrder(this.#held.take());
    else yield* inOrderOfFiles(await this.#dealt.finish(), this.#options, 0);
  }

  async close(): Promise<void> {
    await this.#dealt?.close();
  }

  async #deal(): Promise<void> {
    const { folder } = this.#options;
    await mkdir(folder, { recursive: true });
    this.#dealt = new DealtRecords(folder, 0);
    for (const chunk of this.#held.take()) {
      await this.#dealt.addChunk(chunk);
      this.#dealt.giveRoom(chunk);
    }
  }
}

/** Records of equal upper bytes of their keys: in memory, or in files by the next byte. */
type Gathered = { readonly chunk: Buffer; readonly files?: never } | { readonly files: readonly string[] };

/** `level`: the byte of the key that the files were dealt out by. */
async function* inOrderOfFiles(
  files: readonly string[],
  options: SortOptions,
  level: number,
): AsyncGenerator<Iterable<MixedRecord>> {
  // One file is read while the records of the one before it are used: they take turns in two rooms.
  const rooms = [Buffer.alloc(0), Buffer.alloc(0)];
  const gather = async (index: number): Promise<Gathered> => {
    const file = files[index];
    if (file === undefined) return { files: [] };
    const { size } = await stat(file);
    // Where all bytes were used, all keys are equal: nothing could be dealt out.
    if (size > options.memoryBytes && level < lastLevel) return dealAgain(file, options, level + 1);
    let room = rooms[index % 2] as Buffer;
    if (room.length < size)
      rooms[index % 2] = room = Buffer.allocUnsafeSlow(Math.ceil(size / roomStep) * roomStep);
    return { chunk: await readWhole(file, room) };
  };
  const begin = (index: number): Promise<Gathered> => {
    const gathering = gather(index);
    gathering.catch(() => undefined); // thrown when its turn comes
    return gathering;
  };
  let next = begin(0);
  try {
    for (const [index, file] of files.entries()) {
      const current = await next;
      next = begin(index + 1);
      if (current.files === undefined) yield inOrder([current.chunk]);
      else yield* inOrderOfFiles(current.files, options, level + 1);
      await unlink(file);
    }
  } finally {
    await next.catch(() => undefined); // what was thrown before is what counts; nothing is left running
  }
}

async function dealAgain(file: string, { folder }: SortOptions, level: number): Promise<Gathered> {
  const dealt = new DealtRecords(folder, level);
  try {
    for await (const chunk of readChunks(file)) await dealt.addChunk(chunk);
    return { files: await dealt.finish() };
  } finally {
    await dealt.close();
  }
}

function* inOrder(chunks: readonly Buffer[]): Generator<MixedRecord> {
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
