/**
 * A look at an LMDB file before it is mapped: the binding dies by SIGSEGV or SIGBUS on a file that is none of its
 * own, or that was cut short, and a dead process explains nothing. Layout: lmdb.h and mdb.c of LMDB 1.0 (data version 2).
 */
import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";

const MAGIC = 0xbeefc0de;
const HEADER_BYTES = 24;
const BRANCH = 0x01;
const LEAF = 0x02;
/** Flag of a leaf's entry whose value lies on pages of its own. */
const BIG = 0x01;
/** A page that is said to be there by none. */
const NONE = 0xffffffffffffffffn;

interface Meta {
  readonly pageBytes: number;
  readonly roots: readonly bigint[];
  readonly lastPage: bigint;
  readonly transaction: bigint;
}

/** What is wrong with the file, as half a sentence; undefined where it can be opened. */
export function indexDamage(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  const file = openSync(path, "r");
  try {
    // An empty file is what a kill in the very first moment leaves; lmdb begins anew.
    if (fstatSync(file).size === 0) return undefined;
    for (;;) {
      const meta = newestMeta(file);
      if (typeof meta === "string") return meta;
      const damage = cutShort(file, meta);
      // A page that was looked at late may belong to a later transaction of another process.
      const later = damage === undefined ? undefined : newestMeta(file);
      if (typeof later !== "object" || later.transaction === meta.transaction) return damage;
    }
  } finally {
    closeSync(file);
  }
}

/** Where the last page ends that a committed transaction uses, in bytes; 0 where the file does not tell. */
export function lastPageEnd(file: number): number {
  const meta = newestMeta(file);
  return typeof meta === "string" ? 0 : (Number(meta.lastPage) + 1) * meta.pageBytes;
}

function newestMeta(file: number): Meta | string {
  const first = readMeta(file, 0);
  if (first === undefined) return "it is not an LMDB file, or its beginning is damaged";
  const second = readMeta(file, first.pageBytes);
  if (second === undefined) return `its first ${2 * first.pageBytes} bytes are damaged or cut short`;
  return second.transaction > first.transaction ? second : first;
}

function readMeta(file: number, position: number): Meta | undefined {
  const page = Buffer.alloc(160);
  if (readSync(file, page, 0, page.byteLength, position) < page.byteLength) return undefined;
  const pageBytes = page.readUInt32LE(48);
  const isPageSize = pageBytes >= 256 && pageBytes <= 65_536 && (pageBytes & (pageBytes - 1)) === 0;
  if (page.readUInt32LE(24) !== MAGIC || !isPageSize) return undefined;
  return {
    pageBytes,
    roots: [page.readBigUInt64LE(88), page.readBigUInt64LE(136)].filter((root) => root !== NONE),
    lastPage: page.readBigUInt64LE(144),
    transaction: page.readBigUInt64LE(152),
  };
}

/**
 * A file that ends before its last page need not be damaged: a page that was taken and given back within one
 * transaction is never written. So where it is short, every page that is in use is asked for.
 */
function cutShort(file: number, { pageBytes, roots, lastPage }: Meta): string | undefined {
  const { size } = fstatSync(file);
  const pages = BigInt(Math.floor(size / pageBytes));
  if (pages < 2n) return `it was cut to ${size} bytes`;
  if (pages > lastPage) return undefined;
  const waiting = [...roots];
  const seen = new Set<bigint>();
  for (let number = waiting.pop(); number !== undefined; number = waiting.pop()) {
    if (number >= pages) return `it was cut to ${size} bytes: page ${number.toString()} is gone`;
    if (seen.has(number)) continue;
    seen.add(number);
    const page = Buffer.alloc(pageBytes);
    readSync(file, page, 0, pageBytes, Number(number) * pageBytes);
    const below = pagesBelow(page);
    if (below === undefined) return `page ${number.toString()} is damaged`;
    waiting.push(...below);
  }
  return undefined;
}

/** Undefined where the page points outside itself. */
function pagesBelow(page: Buffer): bigint[] | undefined {
  try {
    return readPagesBelow(page);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Numbers of the pages that a page of a tree refers to; of a large value, its last. */
function readPagesBelow(page: Buffer): bigint[] {
  const flags = page.readUInt16LE(18);
  const entries = (flags & (BRANCH | LEAF)) === 0 ? 0 : page.readUInt16LE(20) / 2;
  const below: bigint[] = [];
  for (let index = 0; index < entries; index++) {
    const entry = HEADER_BYTES + page.readUInt16LE(HEADER_BYTES + 2 * index);
    const [low, high, entryFlags, keyBytes] = [0, 2, 4, 6].map((offset) => page.readUInt16LE(entry + offset));
    if (low === undefined || high === undefined || entryFlags === undefined || keyBytes === undefined)
      continue;
    const sizeOrPage = low + high * 0x10000;
    if ((flags & BRANCH) !== 0) below.push(BigInt(sizeOrPage) + (BigInt(entryFlags) << 32n));
    else if ((entryFlags & BIG) !== 0) {
      const extra = Math.ceil((HEADER_BYTES + sizeOrPage) / page.byteLength) - 1;
      below.push(page.readBigUInt64LE(entry + 8 + keyBytes) + BigInt(extra));
    }
  }
  return below;
}
