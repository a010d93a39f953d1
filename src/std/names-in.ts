/** What a folder holds, in no order; nothing where there is no such folder. */
import { readdirSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { errorCode } from "./error-code.ts";

export const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(nothingThere);

/** Blocks. */
export function namesInNow(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    return nothingThere(error);
  }
}

function nothingThere(error: unknown): string[] {
  const code = errorCode(error);
  if (code === "ENOENT" || code === "ENOTDIR") return [];
  throw error;
}
