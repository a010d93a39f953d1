/**
 * What every way of installing is given: where to work, whom to tell, when to stop; and how a way says that
 * it cannot work here, which is an expected outcome and not a bug.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { PipelineError } from "../../errors.ts";
import type { BindingPackage } from "./binding-package.ts";

export type InstallPhase =
  "package-installer" | "check-tools" | "download" | "verify" | "unpack" | "compile" | "probe" | "link";

export interface InstallProgress {
  readonly phase: InstallPhase;
  readonly message: string;
}

export interface InstallContext {
  readonly bindingPackage: BindingPackage;
  /** An empty folder on the same file system as the cache; deleted afterwards. */
  readonly workFolder: string;
  /** For downloads that the next try goes on with; deleted after success. */
  readonly downloadFolder: string;
  readonly onProgress: (progress: InstallProgress) => void;
  /** What a person should know although it goes on: a download that broke off and is tried again. */
  readonly onNotice: (message: string) => void;
  readonly signal: AbortSignal | undefined;
}

/** This way cannot work on this machine; `message` says why in words. The next way is tried. */
export const wayFailed = (message: string, cause?: unknown): PipelineError =>
  new PipelineError({ code: "ENGINE_WAY_FAILED", message, cause });

export const aborted = (cause?: unknown): PipelineError =>
  new PipelineError({
    code: "ABORTED",
    message: "the installation of the engine was interrupted",
    hint: "npx pipeline engine install",
    cause,
  });

/** Reports every second how much `folder` has grown, while `work` runs. */
export async function reportGrowth<Result>(
  folder: string,
  report: (megabytes: number) => void,
  work: Promise<Result>,
): Promise<Result> {
  const timer = setInterval(() => {
    void folderBytes(folder).then((bytes) => report(Math.round(bytes / 1e6)));
  }, 1000);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

async function folderBytes(folder: string): Promise<number> {
  // Files come and go while we look: what is gone counts nothing.
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    names.map(async (name) => {
      const found = await stat(join(folder, name)).catch(() => undefined);
      return found?.isFile() === true ? found.size : 0;
    }),
  );
  return sizes.reduce((total, size) => total + size, 0);
}
