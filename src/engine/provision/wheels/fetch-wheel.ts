/** A wheel of the index on disk, its digest checked. What a killed installation had fetched is gone on with. */
import { PipelineError } from "../../../errors.ts";
import { downloadPinned, httpFetcher } from "../../../std/http/download-pinned.ts";
import { fetchOnce, withRetries } from "../../../std/http/http-retry.ts";
import { untilSilent } from "../../../std/http/part-request.ts";
import { wayFailed, type InstallContext } from "../install-context.ts";
import type { PackageIndex } from "./package-index.ts";
import type { Wheel } from "./resolve-wheel.ts";

/** The largest of those wanted has 0.7 GB; no file on the public index may have more than some GB. */
export const MAX_WHEEL_BYTES = 3e9;

/** A wheel whose size is known. */
export interface SizedWheel extends Wheel {
  readonly bytes: number;
}

/** Asks the server for the size that the index did not tell. Throws `ENGINE_WAY_FAILED`, `NETWORK_UNAVAILABLE`. */
export async function sizedWheel(
  index: PackageIndex,
  wheel: Wheel,
  telling: Pick<InstallContext, "signal" | "onNotice">,
): Promise<SizedWheel> {
  const bytes = wheel.bytes ?? (await askSize(index, wheel, telling));
  if (bytes > 0 && bytes <= MAX_WHEEL_BYTES) return { ...wheel, bytes };
  throw wayFailed(`${wheel.file}: ${bytes} bytes, where at most ${MAX_WHEEL_BYTES} are fetched`);
}

const askSize = (
  index: PackageIndex,
  { url, file }: Wheel,
  { signal, onNotice }: Pick<InstallContext, "signal" | "onNotice">,
): Promise<number> =>
  withRetries(
    () =>
      untilSilent(signal, async (guarded) => {
        const headers = { "accept-encoding": "identity", ...index.headersFor(url) };
        const response = await fetchOnce(url, { method: "HEAD", headers, signal: guarded });
        const length = Number(response.headers.get("content-length") ?? NaN);
        if (!response.ok || !Number.isSafeInteger(length))
          throw wayFailed(`${file}: the index does not tell how large it is`);
        return length;
      }),
    { what: file, signal, onNotice, ...index.retry },
  );

/** The path of the verified file. Throws `DIGEST_MISMATCH`, `NETWORK_UNAVAILABLE`, `ENGINE_WAY_FAILED`. */
export async function fetchWheel(
  { signal, onNotice }: Pick<InstallContext, "signal" | "onNotice">,
  index: PackageIndex,
  { file, url, sha256, bytes }: SizedWheel,
  cacheDirectory: string,
  /** Bytes of this wheel that have come. */
  onBytes: (bytes: number) => void,
): Promise<string> {
  const integrity = `sha256-${Buffer.from(sha256, "hex").toString("base64")}`;
  const options = {
    cacheDirectory,
    signal,
    retry: index.retry,
    headers: index.headersFor(url),
    onNotice,
    onProgress: ({ doneBytes }: { doneBytes: number }) => onBytes(doneBytes),
  };
  const pinned = { name: file, bytes, integrity };
  try {
    return await downloadPinned(pinned, httpFetcher(url, pinned, options), options);
  } catch (error) {
    if (error instanceof PipelineError && error.code === "DOWNLOAD_REFUSED")
      throw wayFailed(error.message, error);
    throw error;
  }
}
