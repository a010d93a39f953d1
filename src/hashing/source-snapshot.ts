/**
 * The project's source files as one compile sees them: each is read once, and whatever is bundled or hashed
 * comes from that reading. So the code that runs is the code that was hashed, even if an editor saves meanwhile.
 */
import { statSync, readFileSync, type BigIntStats } from "node:fs";
import { extname } from "node:path";
import type { Loader, Plugin } from "esbuild";
import { digestOf } from "../std/digest.ts";

export interface KnownFile {
  readonly sha256: string;
  /** Taken before the file was read: a later write shows. */
  readonly stat: BigIntStats;
}

export interface SourceFile extends KnownFile {
  readonly text: string;
}

const LOADERS: Readonly<Record<string, Loader>> = {
  ".ts": "ts",
  ".mts": "ts",
  ".js": "js",
  ".mjs": "js",
  ".json": "json",
};

export class SourceSnapshot {
  readonly #files = new Map<string, SourceFile>();
  readonly #digests = new Map<string, KnownFile>();

  /** All files read until now, by absolute path. */
  get files(): ReadonlyMap<string, KnownFile> {
    return new Map([...this.#digests, ...this.#files]);
  }

  /** Of a file that need not be code. */
  digest(path: string): string {
    const known = this.#files.get(path) ?? this.#digests.get(path);
    if (known !== undefined) return known.sha256;
    const stat = statSync(path, { bigint: true });
    const sha256 = digestOf(readFileSync(path));
    this.#digests.set(path, { sha256, stat });
    return sha256;
  }

  read(path: string): SourceFile {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const stat = statSync(path, { bigint: true });
    const bytes = readFileSync(path);
    const file = { text: bytes.toString("utf8"), sha256: digestOf(bytes), stat };
    this.#files.set(path, file);
    return file;
  }

  /** Makes esbuild read through this snapshot. */
  plugin(): Plugin {
    return {
      name: "source-snapshot",
      setup: (build) => {
        build.onLoad({ filter: /\.(ts|mts|js|mjs|json)$/, namespace: "file" }, ({ path }) => {
          const loader = LOADERS[extname(path)];
          return loader === undefined ? undefined : { contents: this.read(path).text, loader };
        });
      },
    };
  }
}
