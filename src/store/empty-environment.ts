/** The bytes of an LMDB environment that holds nothing. Layout: MDB_page and MDB_meta in mdb.c of LMDB 1.0. */

const PAGE_BYTES = 4096;
const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const META_PAGE = 0x08;
/** Of the environment: one file without a directory of its own; of the tree of free pages: keys are integers. */
const FLAGS = 0x4000 | 0x0008;
/** Of the map; lmdb makes it larger as it needs. */
const MAP_BYTES = 131_072;
const NO_PAGE = 0xffffffffffffffffn;

/** Two meta pages, as lmdb 3.5 itself begins a file: whoever opens it finds an index without records. */
export function emptyEnvironment(): Buffer {
  return Buffer.concat([metaPage(0n), metaPage(1n)]);
}

function metaPage(number: bigint): Buffer {
  const page = Buffer.alloc(PAGE_BYTES);
  page.writeBigUInt64LE(number, 0);
  page.writeUInt16LE(META_PAGE, 18);
  page.writeUInt32LE(MAGIC, 24);
  page.writeUInt32LE(DATA_VERSION, 28);
  page.writeBigUInt64LE(BigInt(MAP_BYTES), 40);
  page.writeUInt32LE(PAGE_BYTES, 48);
  page.writeUInt16LE(FLAGS, 52);
  // The roots of both trees, and the last page that is taken: the second of these two.
  page.writeBigUInt64LE(NO_PAGE, 88);
  page.writeBigUInt64LE(NO_PAGE, 136);
  page.writeBigUInt64LE(1n, 144);
  return page;
}
