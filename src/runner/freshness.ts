/**
 * Whether a compiled pipeline still is what its sources say: by stat, and by content where the stat cannot be
 * trusted. Runs at the start of every command, so it imports next to nothing.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  type BigIntStats,
} from "node:fs";
import { join } from "node:path";
import { identityFromName, identityToName, isAlive, thisProcess } from "../std/process-identity.ts";

export interface InputFile {
  /** Absolute. */
  readonly path: string;
  /** `size:mtimeNs:ctimeNs:inode` */
  readonly stat: string;
  readonly sha256: string;
  /**
   * Written so shortly before it was read that a second write could have left the same stat ("racy", as in
   * Git's index): its content is compared until it has aged.
   */
  readonly racy: boolean;
}

/** cache/compiled/latest.json: which compiled directory is current, and what it was made of. */
export interface CompileRecord {
  /** Below cache/compiled. */
  readonly directory: string;
  readonly node: string;
  readonly projectRoot: string;
  readonly packageRoot: string;
  /** Names in stages/: a new file is a new stage. */
  readonly stageFiles: readonly string[];
  readonly inputs: readonly InputFile[];
}

/** The coarsest time stamps that file systems in use keep (FAT: 2 s). */
const RACY_NS = 2_000_000_000n;

export const statText = (stat: BigIntStats): string =>
  `${stat.size.toString()}:${stat.mtimeNs.toString()}:${stat.ctimeNs.toString()}:${stat.ino.toString()}`;

/** By either time: mtime can be set, e.g. by an unpacked archive. A file from the future is racy until the clock has passed it. */
export const isRacy = ({ mtimeNs, ctimeNs }: BigIntStats, nowMs: number): boolean =>
  (mtimeNs > ctimeNs ? mtimeNs : ctimeNs) + RACY_NS > BigInt(nowMs) * 1_000_000n;

/** TypeScript files in stages/ that are stages: not the barrel. */
export function listStageFiles(projectRoot: string): string[] {
  const names = readdirSync(join(projectRoot, "stages"), { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".d.ts"))
    .map(({ name }) => name);
  return names.filter((name) => name !== "index.ts").sort();
}

/** `recordFile` is rewritten where stats changed and contents did not, so that the next look is quick again. */
export function isFresh(
  recordFile: string,
  record: CompileRecord,
  roots: { projectRoot: string; packageRoot: string },
): boolean {
  if (record.node !== process.version || record.projectRoot !== roots.projectRoot) return false;
  if (record.packageRoot !== roots.packageRoot) return false;
  try {
    if (listStageFiles(roots.projectRoot).join("\n") !== record.stageFiles.join("\n")) return false;
    const inputs = record.inputs.map(recheck);
    if (inputs.includes(undefined)) return false;
    if (inputs.some((input, index) => input !== record.inputs[index]))
      writeRecord(recordFile, { ...record, inputs: inputs.filter((input) => input !== undefined) });
    return true;
  } catch {
    return false; // an input is gone or cannot be read: compiling says which
  }
}

/** The input itself, or with its new stat; undefined where its content changed. */
function recheck(input: InputFile): InputFile | undefined {
  const stat = statSync(input.path, { bigint: true });
  const text = statText(stat);
  if (text === input.stat && !input.racy) return input;
  const sha256 = createHash("sha256").update(readFileSync(input.path)).digest("hex");
  if (sha256 !== input.sha256) return undefined;
  const racy = isRacy(stat, Date.now());
  return text === input.stat && racy === input.racy ? input : { ...input, stat: text, racy };
}

export function writeRecord(recordFile: string, record: CompileRecord): void {
  const temporary = `${recordFile}.${process.pid}`;
  writeFileSync(temporary, JSON.stringify(record));
  renameSync(temporary, recordFile);
}

/** Keeps the directory from being pruned while this process lives. */
export function markInUse(directory: string): void {
  const users = join(directory, "users");
  const mark = join(users, identityToName(thisProcess()));
  mkdirSync(users, { recursive: true });
  removeMarksOfDead(users);
  process.once("exit", () => rmSync(mark, { force: true }));
  writeFileSync(mark, "");
}

/** Killed processes leave theirs. */
function removeMarksOfDead(users: string): void {
  for (const name of readdirSync(users)) if (isDead(name)) rmSync(join(users, name), { force: true });
}

function isDead(mark: string): boolean {
  const identity = identityFromName(mark);
  return identity === undefined || !isAlive(identity);
}

/** Whether a living process, or one that cannot be told from it, uses the directory. */
export function isInUse(directory: string): boolean {
  const users = join(directory, "users");
  return existsSync(users) && readdirSync(users).some((name) => !isDead(name));
}
