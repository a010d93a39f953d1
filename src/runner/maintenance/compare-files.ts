/** Where two files begin to differ: the byte, and for JSON the key. */
import { open, readFile, stat } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";

const CHUNK_BYTES = 1 << 20;

/** Offset of the first byte that differs, which is the length of the shorter where one begins the other; undefined where they are equal. */
export async function firstDifference(pathA: string, pathB: string): Promise<number | undefined> {
  const [a, b] = [await open(pathA, "r"), await open(pathB, "r")];
  try {
    const [bufferA, bufferB] = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)];
    for (let offset = 0; ; offset += CHUNK_BYTES) {
      const lengthA = await fill(a, bufferA, offset);
      const lengthB = await fill(b, bufferB, offset);
      const shorter = Math.min(lengthA, lengthB);
      for (let i = 0; i < shorter; i++) if (bufferA[i] !== bufferB[i]) return offset + i;
      if (lengthA !== lengthB) return offset + shorter;
      if (lengthA < CHUNK_BYTES) return undefined;
    }
  } finally {
    await a.close();
    await b.close();
  }
}

/** A read may answer less than was asked for, before the end too. */
async function fill(file: Awaited<ReturnType<typeof open>>, buffer: Buffer, offset: number): Promise<number> {
  let length = 0;
  while (length < buffer.byteLength) {
    const { bytesRead } = await file.read(buffer, length, buffer.byteLength - length, offset + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return length;
}

/** Larger documents are compared by bytes only. */
const MAX_JSON_BYTES = 16 * 1024 * 1024;

/** The first key that differs, as `a.b.0`; undefined where either is no JSON or too large to parse lightly. */
export async function firstJsonDifference(pathA: string, pathB: string): Promise<string | undefined> {
  const [a, b] = [await readJson(pathA), await readJson(pathB)];
  return a === undefined || b === undefined ? undefined : firstKey(a.value, b.value, []);
}

async function readJson(path: string): Promise<{ readonly value: unknown } | undefined> {
  if ((await stat(path)).size > MAX_JSON_BYTES) return undefined;
  try {
    return { value: JSON.parse(await readFile(path, "utf8")) as unknown };
  } catch {
    return undefined; // no JSON: the byte offset says where it differs
  }
}

function firstKey(a: unknown, b: unknown, path: readonly string[]): string | undefined {
  if (isDeepStrictEqual(a, b)) return undefined;
  if (!isObject(a) || !isObject(b)) return path.join(".");
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const found = firstKey(a[key], b[key], [...path, key]);
    if (found !== undefined) return found;
  }
  return path.join(".");
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;
