/** Names of runs: they sort by time, and the random part tells apart what starts in one second. */
import { randomBytes } from "node:crypto";

export function makeRunId(): string {
  const time = new Date().toISOString().replaceAll(/[-:]/g, "").replace(/\.\d+/, "");
  return `${time}-${randomBytes(3).toString("hex")}`;
}

/** Whether a text can be the name of a run; what can is safe as a file's name. */
export const isRunId = (text: string): boolean => /^\d{8}T\d{6}Z-[0-9a-f]{6}$/.test(text);
