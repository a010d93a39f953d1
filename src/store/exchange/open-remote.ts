/** From an address to a remote. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { userError } from "../../errors.ts";
import { FolderRemote, missingFolder } from "./folder-remote.ts";
import type { RemoteStore } from "./remote-store.ts";

export interface RemoteAddress {
  /** A folder, or `s3://bucket/prefix`. */
  readonly url: string;
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
}

/** Relative folders count from `baseDirectory`. Throws `REMOTE_INVALID` and, to read from, `REMOTE_NOT_FOUND`. */
export async function openRemote(
  { url, endpoint, region }: RemoteAddress,
  baseDirectory: string,
  use: "read" | "write",
): Promise<RemoteStore> {
  if (url.startsWith("s3://")) {
    const [, bucket = "", prefix = ""] =
      /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(url) ?? [];
    if (bucket === "") throw invalid(url, "a bucket's name is 3 to 63 lower-case letters, digits, . and -");
    // Loaded for this alone: the SDK is large.
    // It tells every user of Node 20 on every start that later versions of it will not run there.
    process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
    const { S3Remote } = await import("./s3-remote.ts");
    // Another service than Amazon's has mostly no regions, and the SDK demands one.
    const withRegion = region ?? (endpoint === undefined ? undefined : "us-east-1");
    return new S3Remote({ bucket, prefix: prefix.replace(/^\/+|\/+$/g, ""), endpoint, region: withRegion });
  }
  const folder = url.startsWith("file://") ? fileURLToPath(url) : url;
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(folder)) throw invalid(url, "its scheme is neither s3:// nor file://");
  const directory = resolve(baseDirectory, folder.replace(/^~(?=\/|$)/, homedir()));
  if (use === "read" && !existsSync(directory)) throw missingFolder(directory);
  return new FolderRemote(join(directory));
}

const invalid = (url: string, why: string) =>
  // Not all of it: an address may hold a password.
  userError(
    "REMOTE_INVALID",
    `the remote ${url.replace(/\/\/[^/@]*@/, "//…@")} cannot be used: ${why}`,
    "give a folder or s3://bucket/prefix",
  );
