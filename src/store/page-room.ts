/** Room on the disk for what a transaction writes, before lmdb writes it. */
import { closeSync, fstatSync, openSync, writeSync } from "node:fs";
import { lastPageEnd } from "./index-file.ts";

/** Free pages, the journal's mark and whatever else a transaction writes besides its records. */
const BASE_BYTES = 128 * 1024;
/** Pages from the root of a tree to a leaf, which every change writes anew: more than a tree that fits a disk has. */
const PATH_BYTES = 8 * 4096;
/** Pages are half full at worst, and the last page of a large value may be nearly empty. */
const SPREAD = 3;

/**
 * Of one write transaction, by its only writer. A commit that finds the disk full makes lmdb 3.5 write what it says of it
 * beyond its buffer, which ends the process by SIGABRT some time later. So the file is always longer than its last page
 * in use by what the transaction can add, in zeros that take blocks; LMDB looks at no page beyond its last. That keeps
 * what it promises wherever a file is overwritten in place, and copy-on-write file systems do not.
 */
export class PageRoom {
  readonly #path: string;
  /** Bytes up to the last page in use. */
  readonly #used: number;
  /** Bytes beyond it that are there. */
  #reserved = BASE_BYTES;
  #changes = 0;
  #recordBytes = 0;

  /** Throws the system's error, e.g. `ENOSPC`. */
  constructor(path: string) {
    this.#path = path;
    this.#used = withFile(path, (file) => {
      const used = lastPageEnd(file);
      lengthen(file, used + BASE_BYTES);
      return used;
    });
  }

  /** Before a record of so many bytes is put or removed. Throws the system's error, e.g. `ENOSPC`. */
  take(bytes: number): void {
    this.#changes++;
    this.#recordBytes += bytes;
    // No more pages can be written anew than there are.
    const rewritten = Math.min(this.#changes * PATH_BYTES, this.#used);
    const needed = BASE_BYTES + rewritten + SPREAD * this.#recordBytes;
    if (needed <= this.#reserved) return;
    // Twice as much, so that many small records do not look at the file each.
    withFile(this.#path, (file) => lengthen(file, this.#used + 2 * needed));
    this.#reserved = 2 * needed;
  }
}

const ZEROS = new Uint8Array(BASE_BYTES);

function lengthen(file: number, end: number): void {
  for (let at = fstatSync(file).size; at < end;)
    at += writeSync(file, ZEROS, 0, Math.min(ZEROS.byteLength, end - at), at);
}

function withFile<Result>(path: string, work: (file: number) => Result): Result {
  const file = openSync(path, "r+");
  try {
    return work(file);
  } finally {
    closeSync(file);
  }
}
