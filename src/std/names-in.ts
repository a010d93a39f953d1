import { readdir } from "node:fs/promises";
import { errorCode } from "./error-code.ts";

/** What a folder holds, in no order; nothing where there is no such folder. */
export const namesIn = (folder: string): Promise<string[]> =>
  readdir(folder).catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  });
