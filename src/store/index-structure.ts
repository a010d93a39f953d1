/**
 * Looks through a whole LMDB file for pages that lmdb would follow out of the map or into one another, which ends the
 * process. Reads every page in use once, so it is for files that a dead process had open, and for `check`. Values are
 * not looked at: each has a checksum of its own. Layout: mdb.c of LMDB 1.0, as in index-file.ts.
 */
import { readFileSync } from "node:fs";

const HEADER_BYTES = 24;
const NODE_BYTES = 8;
const META_BYTES = 160;
const BRANCH = 0x01;
const LEAF = 0x02;
const OVERFLOW = 0x04;
const BIG = 0x01;
/** Of an entry whose value lies on pages of its own: page, transaction, number of pages. */
const REFERENCE_BYTES = 24;
const NO_PAGE = 0xffffffffffffffffn;
/** Deeper than any tree that fits a disk. */
const MAX_DEPTH = 32;

/** What is wrong, as half a sentence; undefined where every page is what it should be. For a file that indexDamage lets pass. */
export function structureDamage(path: string): string | undefined {
  for (;;) {
    const file = readFileSync(path);
    const damage = damageIn(file);
    // Another process may have committed while the file was read.
    if (damage === undefined || firstPages(readFileSync(path)).equals(firstPages(file))) return damage;
  }
}

const firstPages = (file: Buffer): Buffer => file.subarray(0, 2 * file.readUInt32LE(48));

function damageIn(file: Buffer): string | undefined {
  try {
    new Walk(file).run();
    return undefined;
  } catch (error) {
    if (error instanceof Misfit) return error.message;
    if (error instanceof RangeError) return "a page points outside itself";
    throw error;
  }
}

class Misfit extends Error {}

function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Misfit(what);
}

interface Tree {
  readonly name: string;
  readonly depth: number;
  readonly branchPages: bigint;
  readonly leafPages: bigint;
  readonly overflowPages: bigint;
  readonly entries: bigint;
  readonly root: bigint;
}

class Walk {
  readonly #file: Buffer;
  readonly #pageBytes: number;
  readonly #lastPage: bigint;
  readonly #transaction: bigint;
  readonly #trees: readonly Tree[];
  readonly #used = new Set<bigint>();
  readonly #free: bigint[] = [];

  constructor(file: Buffer) {
    const pageBytes = file.readUInt32LE(48);
    const metas = [0, pageBytes].map((at) => file.subarray(at, at + META_BYTES));
    const [first, second] = metas;
    demand(first?.length === META_BYTES && second?.length === META_BYTES, "it ends within its first pages");
    for (const [number, meta] of [first, second].entries()) {
      const expected = meta.readBigUInt64LE(0) === BigInt(number) && meta.readUInt32LE(48) === pageBytes;
      // The rest of what both say must be the same in both.
      const alike =
        first.compare(meta, 24, 40, 24, 40) === 0 && meta.readUInt16LE(18) === first.readUInt16LE(18);
      const same = meta.readUInt16LE(52) === first.readUInt16LE(52);
      demand(expected && alike && same, `page ${number} is damaged`);
    }
    const meta = second.readBigUInt64LE(152) > first.readBigUInt64LE(152) ? second : first;
    this.#file = file;
    this.#pageBytes = pageBytes;
    this.#lastPage = meta.readBigUInt64LE(144);
    this.#transaction = meta.readBigUInt64LE(152);
    this.#trees = [readTree("free pages", meta, 48), readTree("records", meta, 96)];
    demand(meta.readBigUInt64LE(40) >= BigInt(pageBytes), "its map has no size");
    const apart = first.readBigUInt64LE(152) - second.readBigUInt64LE(152);
    demand(apart >= -1n && apart <= 1n, "its two first pages are of transactions far apart");
  }

  run(): void {
    for (const tree of this.#trees) {
      const found = { branch: 0n, leaf: 0n, overflow: 0n, entries: 0n };
      if (tree.root !== NO_PAGE) this.#visit(tree, tree.root, 1, found, {});
      const { depth, root } = tree;
      demand((root === NO_PAGE) === (depth === 0), `the tree of ${tree.name} has a wrong depth`);
      const counts = [found.branch, found.leaf, found.overflow, found.entries];
      const said = [tree.branchPages, tree.leafPages, tree.overflowPages, tree.entries];
      demand(counts.join() === said.join(), `the tree of ${tree.name} has lost or gained pages`);
    }
    for (const number of this.#free) this.#use(number, "is free and in use");
  }

  #use(number: bigint, what = "is in use twice"): void {
    demand(number >= 2n && number <= this.#lastPage, `page ${number.toString()} does not exist`);
    demand(!this.#used.has(number), `page ${number.toString()} ${what}`);
    this.#used.add(number);
  }

  #page(number: bigint, flag: number): Buffer {
    this.#use(number);
    const at = Number(number) * this.#pageBytes;
    const page = this.#file.subarray(at, at + this.#pageBytes);
    const name = `page ${number.toString()}`;
    demand(page.length === this.#pageBytes, `${name} is gone`);
    demand(page.readBigUInt64LE(0) === number, `${name} is another page`);
    demand(page.readBigUInt64LE(8) <= this.#transaction, `${name} is of a later transaction`);
    demand(page.readUInt16LE(18) === flag, `${name} is of the wrong type`);
    return page;
  }

  #visit(
    tree: Tree,
    number: bigint,
    depth: number,
    found: { branch: bigint; leaf: bigint; overflow: bigint; entries: bigint },
    bounds: { readonly low?: Buffer | undefined; readonly high?: Buffer | undefined },
  ): void {
    demand(tree.depth <= MAX_DEPTH, `the tree of ${tree.name} is too deep`);
    const isLeaf = depth === tree.depth;
    const page = this.#page(number, isLeaf ? LEAF : BRANCH);
    found[isLeaf ? "leaf" : "branch"] += 1n;
    const nodes = this.#nodes(page, number, isLeaf);
    const compare = tree.name === "records" ? compareBytes : compareNumbers;
    let { low } = bounds;
    for (const [index, node] of nodes.entries()) {
      // The first key of a branch stands for everything below it, and is not looked at.
      if (isLeaf || index > 0) {
        const first = index === 0 || (!isLeaf && index === 1);
        const sorted = low === undefined || compare(low, node.key) < (first ? 1 : 0);
        const within = bounds.high === undefined || compare(node.key, bounds.high) < 0;
        demand(sorted && within, `page ${number.toString()} is out of order`);
        low = node.key;
      }
      if (!isLeaf) {
        const next = nodes[index + 1];
        this.#visit(tree, node.child, depth + 1, found, { low, high: next?.key ?? bounds.high });
      } else {
        found.entries += 1n;
        if (node.reference) found.overflow += this.#value(node.reference, node.sizeBytes);
        if (tree.name === "free pages") this.#readFree(node);
      }
    }
  }

  #nodes(page: Buffer, number: bigint, isLeaf: boolean): Node[] {
    const name = `page ${number.toString()}`;
    const [lower, upper] = [page.readUInt16LE(20), page.readUInt16LE(22)];
    const room = this.#pageBytes - HEADER_BYTES;
    demand(lower % 2 === 0 && lower <= upper && upper <= room, `${name} has a damaged header`);
    demand(lower >= (isLeaf ? 2 : 4), `${name} is empty`);
    const nodes: Node[] = [];
    const taken: [number, number][] = [];
    for (let index = 0; index < lower / 2; index++) {
      const offset = page.readUInt16LE(HEADER_BYTES + 2 * index);
      demand(offset >= upper && offset % 2 === 0, `${name} points outside itself`);
      const at = HEADER_BYTES + offset;
      const sizeBytes = page.readUInt32LE(at);
      const [flags, keyBytes] = [page.readUInt16LE(at + 4), page.readUInt16LE(at + 6)];
      const dataAt = at + NODE_BYTES + keyBytes;
      demand(!isLeaf || flags === 0 || flags === BIG, `${name} holds a record of an unknown type`);
      const end = dataAt + (!isLeaf ? 0 : flags === BIG ? REFERENCE_BYTES : sizeBytes);
      demand(end <= this.#pageBytes, `${name} points outside itself`);
      taken.push([at, end + (end % 2)]);
      nodes.push({
        key: page.subarray(at + NODE_BYTES, dataAt),
        sizeBytes,
        child: BigInt(sizeBytes) + (BigInt(flags) << 32n),
        data: page.subarray(dataAt, end),
        ...(isLeaf && flags === BIG ? { reference: page.subarray(dataAt, end) } : {}),
      });
    }
    taken.sort(([a], [b]) => a - b);
    // Nodes lie side by side from `upper` to the end: lmdb moves them as one block.
    const ends = [HEADER_BYTES + upper, ...taken.map(([, end]) => end)];
    demand(
      taken.every(([start], index) => start === ends[index]) && ends.at(-1) === this.#pageBytes,
      `${name} holds records that overlap`,
    );
    return nodes;
  }

  /** Answers how many pages the value has. */
  #value(reference: Buffer, sizeBytes: number): bigint {
    const number = reference.readBigUInt64LE(0);
    const pages = BigInt(Math.ceil((HEADER_BYTES + sizeBytes) / this.#pageBytes));
    const page = this.#page(number, OVERFLOW);
    const said = BigInt(page.readUInt32LE(20));
    // A value that was overwritten by a shorter one keeps its pages.
    demand(
      said === reference.readBigUInt64LE(16) &&
        said >= pages &&
        reference.readBigUInt64LE(8) === page.readBigUInt64LE(8),
      `the value on page ${number.toString()} has a wrong length`,
    );
    for (let each = number + 1n; each < number + said; each++) this.#use(each);
    return said;
  }

  /** Under a transaction: how many numbers follow, then those of the pages that it freed. */
  #readFree({ key, data, reference, sizeBytes }: Node): void {
    demand(
      key.length === 8 && key.readBigUInt64LE(0) <= this.#transaction,
      "a list of free pages is damaged",
    );
    const at =
      reference === undefined ? 0 : Number(reference.readBigUInt64LE(0)) * this.#pageBytes + HEADER_BYTES;
    const list = reference === undefined ? data : this.#file.subarray(at, at + sizeBytes);
    const count = Number(list.readBigUInt64LE(0));
    demand(sizeBytes >= 8 * (count + 1), "a list of free pages is damaged");
    for (let index = 1; index <= count; index++) {
      const number = list.readBigInt64LE(8 * index);
      // Below nothing: how many pages the next number stands for. Nothing: taken again.
      demand(-number <= this.#lastPage, "a list of free pages is damaged");
      if (number > 0n) this.#free.push(number);
    }
  }
}

interface Node {
  readonly key: Buffer;
  readonly sizeBytes: number;
  /** Of a branch. */
  readonly child: bigint;
  readonly data: Buffer;
  readonly reference?: Buffer;
}

const readTree = (name: string, meta: Buffer, at: number): Tree => ({
  name,
  depth: meta.readUInt16LE(at + 6),
  branchPages: meta.readBigUInt64LE(at + 8),
  leafPages: meta.readBigUInt64LE(at + 16),
  overflowPages: meta.readBigUInt64LE(at + 24),
  entries: meta.readBigUInt64LE(at + 32),
  root: meta.readBigUInt64LE(at + 40),
});

const compareBytes = (a: Buffer, b: Buffer): number => a.compare(b);

function compareNumbers(a: Buffer, b: Buffer): number {
  const difference = a.readBigUInt64LE(0) - b.readBigUInt64LE(0);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}
