/**
 * A version of any npm package as a source: its tarball is streamed from the registry and read only as far as its files are
 * asked for. Nothing is kept, and the digest is what the registry says. For what a recipe reads see npm-tarball.ts.
 */
import { Readable } from "node:stream";
import { collect } from "../../std/collect.ts";
import { tarEntries } from "../formats/tar-entries.ts";
import { openHttp } from "./http.ts";
import type { RetryPolicy } from "../../std/http/http-retry.ts";
import { npmView } from "./npm-tarball.ts";
import type { Source, SourceEvents } from "./source.ts";

export interface NpmPackageOptions extends SourceEvents {
  /** `name`, `name@version` or `name@tag`. */
  readonly spec: string;
  readonly retry?: RetryPolicy | undefined;
}

/** Throws PACKAGE_NOT_FOUND, NPM_NOT_FOUND, HTTP_REFUSED or NETWORK_UNAVAILABLE. */
export async function openNpmPackage({ spec, ...events }: NpmPackageOptions): Promise<Source> {
  const { version, dist } = await npmView(spec, events);
  const name = `npm:${spec.replace(/(?<=.)@[^@/]*$/u, "")}`;
  const http = await openHttp({ ...events, url: dist.tarball });
  const [tarball] = await collect(http.files());
  return {
    name,
    revision: version,
    files: (wanted = () => true) =>
      tarEntries(Readable.from(tarball?.open() ?? []), wanted, { name: `${name}@${version}` }),
    record: () => ({ name, revision: version, digest: dist.integrity }),
  };
}
