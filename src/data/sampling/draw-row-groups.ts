/**
 * The order in which rows of many large files are read when only a part of them is wanted: row groups in random order over
 * all files, so that no sample is a prefix of files that are sorted by quality or subject. A file's chance is its share of
 * the bytes that are left, so every row's chance is the same as far as row groups are of one size. Rows of one group are
 * alike where files are sorted: with a `rowShare` under 1 only a random part of each group is taken, and the others when
 * all groups have had their turn; that spreads a sample over more groups and fetches more to get it.
 */
import { z } from "zod";
import type { Random } from "../random.ts";
import type { Row } from "../formats/parquet-decode.ts";
import type { RowGroups } from "../formats/parquet-rows.ts";

export interface RowGroupFile {
  readonly path: string;
  readonly size: number;
  readonly openRows: () => Promise<RowGroups>;
}

export interface DrawOptions {
  /** Rows of a group that are taken at a time; default 1: all of them. */
  readonly rowShare?: number | undefined;
  /** Where an earlier draw from the same files with the same seed stood. */
  readonly state?: DrawState | undefined;
}

export const drawState = z.object({
  /** Parts of row groups that were read to their end. */
  parts: z.int(),
  /** Rows taken of the part after those. */
  rows: z.int(),
  /** Row groups of every file that was opened. */
  rowGroups: z.record(z.string(), z.int()),
});

/** Enough to go on without opening the files that were drawn from. Plain JSON. */
export type DrawState = z.infer<typeof drawState>;

interface Part {
  readonly file: RowGroupFile;
  readonly group: number;
  /** Which of `#sweeps` parts of the group. */
  readonly sweep: number;
}

/** Footers in memory at once; others are read again. */
const OPEN_FILES = 8;

/** Memory: one row group, the footers of 8 files, and a number a row group. */
export class RowDraws {
  readonly #files: readonly RowGroupFile[];
  readonly #random: Random;
  readonly #draws: Random;
  readonly #sweeps: number;
  readonly #rowGroups: Map<string, number>;
  readonly #open = new Map<string, RowGroups>();
  /** Groups of this sweep that were not read yet; absent until a file is first drawn in it. */
  readonly #unread = new Map<string, number[]>();
  #sweep = 0;
  #parts = 0;
  #current: readonly Row[] = [];
  #taken = 0;
  readonly #resumeAt: DrawState | undefined;

  constructor(files: readonly RowGroupFile[], random: Random, { rowShare = 1, state }: DrawOptions = {}) {
    this.#files = files;
    this.#random = random;
    this.#draws = random.fork("draws");
    this.#sweeps = Math.max(1, Math.round(1 / rowShare));
    this.#rowGroups = new Map(Object.entries(state?.rowGroups ?? {}));
    this.#resumeAt = state;
  }

  /** The next row; undefined when all have been drawn. */
  async next(): Promise<Row | undefined> {
    if (this.#resumeAt && this.#parts === 0 && this.#current.length === 0) await this.#goOn(this.#resumeAt);
    while (this.#taken === this.#current.length) {
      if (this.#current.length > 0) this.#parts++;
      this.#current = [];
      this.#taken = 0;
      const part = await this.#drawPart();
      if (!part) return undefined;
      this.#current = await this.#readPart(part);
      if (this.#current.length === 0) this.#parts++;
    }
    return this.#current[this.#taken++];
  }

  /** Whether the row that was just given ends a part: a good moment to keep `state`. */
  get endsPart(): boolean {
    return this.#current.length > 0 && this.#taken === this.#current.length;
  }

  state(): DrawState {
    if (this.#resumeAt && this.#parts === 0 && this.#current.length === 0) return this.#resumeAt;
    const rowGroups = Object.fromEntries(this.#rowGroups);
    return this.endsPart
      ? { parts: this.#parts + 1, rows: 0, rowGroups }
      : { parts: this.#parts, rows: this.#taken, rowGroups };
  }

  async #goOn({ parts, rows }: DrawState): Promise<void> {
    for (; this.#parts < parts; this.#parts++) await this.#drawPart();
    if (rows === 0) return;
    const part = await this.#drawPart();
    if (!part) return;
    this.#current = await this.#readPart(part);
    this.#taken = Math.min(rows, this.#current.length);
  }

  /** Successive sampling: each time a file with chance in proportion to the bytes that it has left in this sweep. */
  async #drawPart(): Promise<Part | undefined> {
    for (;;) {
      const left = this.#files.map((file) => this.#bytesLeft(file));
      const total = left.reduce((sum, bytes) => sum + bytes, 0);
      if (total === 0) {
        if (this.#sweep + 1 >= this.#sweeps || this.#files.length === 0) return undefined;
        this.#sweep++;
        this.#unread.clear();
        continue;
      }
      const file = this.#files[indexAt(left, this.#draws.uniform() * total)];
      if (!file) return undefined;
      const group = (await this.#unreadOf(file)).pop();
      if (group !== undefined) return { file, group, sweep: this.#sweep };
    }
  }

  #bytesLeft({ path, size }: RowGroupFile): number {
    const rowGroups = this.#rowGroups.get(path) ?? 0;
    const unread = this.#unread.get(path);
    // Before its first draw a file counts as if it held something, even if an interrupted draw knew better.
    if (!unread) return this.#sweep > 0 && rowGroups === 0 ? 0 : Math.max(1, size);
    return unread.length === 0 ? 0 : (Math.max(1, size) * unread.length) / rowGroups;
  }

  async #unreadOf(file: RowGroupFile): Promise<number[]> {
    let unread = this.#unread.get(file.path);
    if (unread) return unread;
    const rowGroups = this.#rowGroups.get(file.path) ?? (await this.#openRows(file)).rowGroups;
    this.#rowGroups.set(file.path, rowGroups);
    unread = this.#random
      .fork(`row groups ${this.#sweep} ${file.path}`)
      .shuffle(Array.from({ length: rowGroups }, (_, index) => index));
    this.#unread.set(file.path, unread);
    return unread;
  }

  async #readPart({ file, group, sweep }: Part): Promise<Row[]> {
    const rows = await (await this.#openRows(file)).readRowGroup(group);
    const order = Uint32Array.from(rows, (_, index) => index);
    // The same shuffle in every sweep: its parts are a partition of the group.
    this.#random.fork(`rows ${group} ${file.path}`).shuffle(order);
    const start = Math.floor((order.length * sweep) / this.#sweeps);
    const end = Math.floor((order.length * (sweep + 1)) / this.#sweeps);
    return Array.from(order.subarray(start, end), (index) => rows[index] as Row);
  }

  async #openRows({ path, openRows }: RowGroupFile): Promise<RowGroups> {
    const opened = this.#open.get(path) ?? (await openRows());
    this.#open.delete(path);
    this.#open.set(path, opened); // the last is the one used last
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= OPEN_FILES) break;
      this.#open.delete(oldest);
    }
    return opened;
  }
}

/** The index into whose part of the sum of `weights` the point falls. */
function indexAt(weights: readonly number[], point: number): number {
  let rest = point;
  for (const [index, weight] of weights.entries()) {
    rest -= weight;
    if (rest < 0 && weight > 0) return index;
  }
  return weights.findLastIndex((weight) => weight > 0); // rounding
}
