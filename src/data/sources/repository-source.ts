/**
 * A repository of files at one commit as a source: files read by ranges, kept and verified by digest, noted for the
 * manifest. Knows no hub.
 */
import PQueue from "p-queue";
import type { PipelineError } from "../../errors.ts";
import type { RetryPolicy } from "../../std/http/http-retry.ts";
import type { Environment } from "./hub-token.ts";
import { cachedRanges, type RangeCache } from "./range-cache.ts";
import { RemoteFile } from "./remote-file.ts";
import { safePath, type Source, type SourceEvents, type SourceFile } from "./source.ts";
import { verifiedFile } from "./verified-file.ts";

export interface RepositoryOptions extends SourceEvents {
  /** `owner/name` */
  readonly repository: string;
  /** A commit; a branch or tag is resolved to one when the source is opened. */
  readonly revision: string;
  /** What the revision was resolved to before: it is read at this commit again, wherever it has moved since. */
  readonly commit?: string | undefined;
  readonly retry?: RetryPolicy | undefined;
  /** Requests at once; default 4. */
  readonly concurrency?: number | undefined;
  /** Keeps the parts that are read, by digest of the file. */
  readonly ranges?: RangeCache | undefined;
  /** Default: the process's environment. */
  readonly environment?: Environment | undefined;
}

/** As a hub lists it. */
export interface RepositoryFile {
  readonly path: string;
  readonly size: number;
  readonly digest: string | undefined;
  readonly url: string;
}

export interface Repository {
  readonly name: string;
  readonly commit: string;
  readonly list: () => AsyncIterable<RepositoryFile>;
  /** The token's, for the origin of each file's address alone. */
  readonly headers: Readonly<Record<string, string>>;
  readonly refused: (status: number) => PipelineError;
}

export const COMMIT = /^[0-9a-f]{40}$/u;

/** Listed paths that lead out of the repository are UNSAFE_PATH. */
export function repositorySource(repository: Repository, options: RepositoryOptions): Source {
  const { name, commit, list, headers, refused } = repository;
  const { revision, concurrency = 4, ranges } = options;
  const limit = new PQueue({ concurrency });
  const opened = new Map<string, SourceFile>();

  const fileOf = ({ path, size, digest, url }: RepositoryFile): SourceFile => {
    const remote = new RemoteFile({
      ...options,
      what: `${name}/${path}`,
      url,
      size,
      headers,
      limit,
      refused,
    });
    const file: SourceFile = { path, size, digest, open: remote.open };
    const cached = ranges === undefined ? file : cachedRanges(file, ranges);
    const read = verifiedFile(cached, `${name}/${path}`, async () => ranges?.forget(digest ?? "", size)).file;
    return {
      ...read,
      open: (start, end) => {
        opened.set(path, file);
        return read.open(start, end);
      },
    };
  };

  return {
    name,
    revision: commit,
    files: async function* (wanted = () => true) {
      for await (const file of list()) if (wanted(safePath(file.path, name))) yield fileOf(file);
    },
    record: () => ({
      name,
      revision: commit,
      ...(COMMIT.test(revision) ? {} : { asked: revision }),
      files: [...opened.values()]
        .map(({ path, size, digest }) => ({ path, digest: digest ?? "unknown", bytes: size }))
        .sort((a, b) => (a.path < b.path ? -1 : 1)),
    }),
  };
}
