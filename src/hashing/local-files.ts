/**
 * Digests of files outside the store that a stage reads: what a person edits without the runner knowing. Files whose
 * stat is as it was when they were hashed are not read again.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, type BigIntStats } from "node:fs";
import { resolve, sep } from "node:path";
import { setImmediate } from "node:timers/promises";
import { digestFile, digestValue } from "./digest.ts";
import { DIGEST_BYTES, STAT_FIELDS, type StatRecords } from "./stat-records.ts";

/** Remembers what was hashed, by absolute path of the file or folder. */
export interface StatMemory {
  recall(path: string): StatRecords | undefined;
  remember(path: string, records: StatRecords): void;
}

/**
 * Hex sha256 of a file, or of the sorted list [path, sha256] of a folder's files; null where there is nothing. Links are
 * followed, because the stage that reads the folder follows them too.
 */
export async function digestLocalFiles(
  projectRoot: string,
  path: string,
  memory: StatMemory,
): Promise<string | null> {
  const absolute = resolve(projectRoot, path);
  const root = statSync(absolute, { bigint: true, throwIfNoEntry: false });
  if (root === undefined) return null;
  const isFolder = root.isDirectory();
  // A file is a folder of one file without a name.
  const names = isFolder ? listFiles(absolute, root) : [""];
  const files = isFolder ? statFiles(absolute, names) : { names, stats: packOne(root) };
  const known = memory.recall(absolute);
  const paths = files.names.join("\0");
  if (known?.paths === paths && isUnchanged(known, files.stats)) return known.digest;

  const pathOf = (name: string): string => (isFolder ? absolute + sep + name : absolute);
  const { digests, racy } = await digestChanged(files, known, pathOf);
  const hexOf = (index: number): string =>
    digests.toString("hex", index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES);
  const digest = isFolder ? digestValue(files.names.map((name, index) => [name, hexOf(index)])) : hexOf(0);
  memory.remember(absolute, { paths, stats: files.stats, racy, digests, digest });
  return digest;
}

interface Files {
  /** Relative, in code-unit order. */
  readonly names: readonly string[];
  readonly stats: BigInt64Array;
}

/** Relative paths of everything but folders, in code-unit order. A link that leads back to a folder above it is left out. */
function listFiles(root: string, rootStat: BigIntStats): string[] {
  const names: string[] = [];
  const visit = (folder: string, above: readonly string[]): void => {
    for (const entry of readdirSync(folder === "" ? root : root + sep + folder, { withFileTypes: true })) {
      const name = folder === "" ? entry.name : folder + sep + entry.name;
      if (entry.isDirectory()) visit(name, above);
      else if (!entry.isSymbolicLink()) names.push(name);
      else {
        const target = statSync(root + sep + name, { bigint: true, throwIfNoEntry: false });
        if (target?.isDirectory() !== true) names.push(name);
        else if (!above.includes(identityOf(target))) visit(name, [...above, identityOf(target)]);
      }
    }
  };
  visit("", [identityOf(rootStat)]);
  return names.sort();
}

const identityOf = ({ dev, ino }: BigIntStats): string => `${dev.toString()}:${ino.toString()}`;

/** Synchronous: a promise costs several times what the stat itself does. Packed at once: a hundred thousand stats are much to keep. */
function statFiles(root: string, listed: readonly string[]): Files {
  const names: string[] = [];
  const stats = new BigInt64Array(listed.length * STAT_FIELDS);
  for (const name of listed) {
    const stat = statSync(root + sep + name, { bigint: true, throwIfNoEntry: false });
    if (stat?.isFile() !== true) continue; // a link to nothing, a socket
    packStat(stats, names.length, stat);
    names.push(name);
  }
  return { names, stats: stats.subarray(0, names.length * STAT_FIELDS) };
}

function packStat(packed: BigInt64Array, index: number, { size, mtimeNs, ctimeNs, ino }: BigIntStats): void {
  const at = index * STAT_FIELDS;
  packed[at] = size;
  packed[at + 1] = mtimeNs;
  packed[at + 2] = ctimeNs;
  packed[at + 3] = ino; // beyond 2^63 it wraps, and still tells files apart
}

function packOne(stat: BigIntStats): BigInt64Array {
  const packed = new BigInt64Array(STAT_FIELDS);
  packStat(packed, 0, stat);
  return packed;
}

const isUnchanged = (known: StatRecords, stats: BigInt64Array): boolean =>
  !known.racy.includes(1) && bytesOf(known.stats).equals(bytesOf(stats));

const bytesOf = ({ buffer, byteOffset, byteLength }: BigInt64Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

/** The coarsest time stamps that file systems in use keep (FAT: 2 s). */
const RACY_NS = 2_000_000_000n;

/** Hashes what is new, changed or racy; takes the rest from what is known. */
async function digestChanged(
  { names, stats }: Files,
  known: StatRecords | undefined,
  pathOf: (name: string) => string,
): Promise<{ digests: Buffer; racy: Uint8Array }> {
  const knownAt = new Map((known?.paths.split("\0") ?? []).map((name, index) => [name, index]));
  const digests = Buffer.alloc(names.length * DIGEST_BYTES);
  const racy = new Uint8Array(names.length);
  for (const [index, name] of names.entries()) {
    const before = knownAt.get(name);
    if (known !== undefined && before !== undefined && isSame(known, before, stats, index)) {
      digests.set(
        known.digests.subarray(before * DIGEST_BYTES, (before + 1) * DIGEST_BYTES),
        index * DIGEST_BYTES,
      );
      continue;
    }
    // The stat was taken before: a write since then shows at the next look.
    const now = BigInt(Date.now()) * 1_000_000n;
    const [mtime = now, ctime = now] = stats.subarray(index * STAT_FIELDS + 1, index * STAT_FIELDS + 3);
    racy[index] = mtime + RACY_NS > now || ctime + RACY_NS > now ? 1 : 0;
    digests.set(await sha256Of(pathOf(name), stats[index * STAT_FIELDS] ?? 0n), index * DIGEST_BYTES);
    if (index % YIELD_EVERY === 0) await setImmediate(); // Ctrl-C is heard
  }
  return { digests, racy };
}

const YIELD_EVERY = 256;

function isSame(known: StatRecords, before: number, stats: BigInt64Array, index: number): boolean {
  if (known.racy[before] !== 0) return false;
  for (let field = 0; field < STAT_FIELDS; field++)
    if (known.stats[before * STAT_FIELDS + field] !== stats[index * STAT_FIELDS + field]) return false;
  return true;
}

/** Up to this size a file is read at once and synchronously, which is several times faster for small ones. */
const SMALL_BYTES = 1n << 20n;

async function sha256Of(path: string, size: bigint): Promise<Uint8Array> {
  if (size <= SMALL_BYTES) return createHash("sha256").update(readFileSync(path)).digest();
  return Buffer.from((await digestFile(path)).sha256, "hex");
}
