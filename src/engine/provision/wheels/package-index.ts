/**
 * A Python package index as pip is set to use it: the files of a project with their digests, in either form of the
 * simple repository API (PEP 503 in HTML, PEP 691 in JSON). Answers are bounded, and nothing of them is trusted
 * beyond what their digests make certain.
 */
import { z } from "zod";
import { untilSilent } from "../../../std/http/part-request.ts";
import { fetchOnce, withRetries, type RetryPolicy } from "../../../std/http/http-retry.ts";
import { wayFailed, type InstallContext } from "../install-context.ts";
import { runTool } from "../run-tool.ts";
import { unescapeHtml } from "./unescape-html.ts";

export interface IndexFile {
  readonly file: string;
  readonly url: string;
  readonly sha256: string;
  /** Where the index tells it. */
  readonly bytes: number | undefined;
}

export interface PackageIndex {
  /** Ends with a slash; holds no name or password. */
  readonly url: string;
  /** What it takes to be let in there; other hosts are told nothing. */
  readonly headersFor: (url: string) => Readonly<Record<string, string>>;
  readonly retry?: RetryPolicy | undefined;
}

const PYPI = "https://pypi.org/simple/";
/** TensorFlow's own page, the longest one of use here, has 1 MB. */
const MAX_PAGE_BYTES = 32e6;

/** Throws `ENGINE_WAY_FAILED` where pip is told to use no index, `ABORTED`. */
export async function pipIndex(context: Pick<InstallContext, "signal">): Promise<PackageIndex> {
  const text = await runTool(context, "python3", ["-m", "pip", "config", "list"], { timeoutMs: 60_000 });
  const settings = new Map(
    text.split("\n").map((line): [string, string] => {
      const [, name = "", , value = ""] = /^(\S+?)=(['"])(.*)\2$/u.exec(line.trim()) ?? [];
      return [name, value];
    }),
  );
  // pip itself reads them in this order: environment, the command's own section, the general one.
  const setting = (name: string): string | undefined =>
    [":env:", "download", "global"]
      .map((part) => settings.get(`${part}.${name}`))
      .find((value) => value !== undefined);
  if (/^(1|true|yes|on)$/iu.test(setting("no-index") ?? ""))
    throw wayFailed("pip is told to use no package index (no-index)");
  return indexAt(setting("index-url") ?? PYPI);
}

export function indexAt(address: string, retry?: RetryPolicy): PackageIndex {
  if (!URL.canParse(address)) throw wayFailed(`pip's index-url is no address: ${address}`);
  const url = new URL(address);
  const { username, password, origin } = url;
  const login = [username, password].map(decodeURIComponent).join(":");
  url.username = url.password = "";
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  const authorization = { authorization: `Basic ${Buffer.from(login).toString("base64")}` };
  return {
    url: url.href,
    headersFor: (target) => (username !== "" && new URL(target).origin === origin ? authorization : {}),
    retry,
  };
}

const projectPage = z.object({
  files: z.array(
    z.object({
      filename: z.string(),
      url: z.string(),
      hashes: z.object({ sha256: z.string().optional() }),
      size: z.int().nonnegative().optional(),
      yanked: z.union([z.boolean(), z.string()]).optional(),
    }),
  ),
});

/** Its files that have a digest and were not withdrawn. Throws `ENGINE_WAY_FAILED`, `NETWORK_UNAVAILABLE`. */
export async function filesOf(
  index: PackageIndex,
  project: string,
  { signal, onNotice }: Pick<InstallContext, "signal" | "onNotice">,
): Promise<readonly IndexFile[]> {
  const address = new URL(`${project}/`, index.url).href;
  const { type, text, base } = await withRetries(
    () =>
      untilSilent(signal, async (guarded, alive) => {
        const accept = "application/vnd.pypi.simple.v1+json, text/html;q=0.5";
        const headers = { accept, ...index.headersFor(address) };
        const response = await fetchOnce(address, { headers, signal: guarded });
        if (!response.ok) throw wayFailed(`${address} answered ${response.status}`);
        const contentType = response.headers.get("content-type") ?? "";
        return { type: contentType, text: await boundedText(response, address, alive), base: response.url };
      }),
    { what: address, signal, onNotice, ...index.retry },
  );
  const files = type.includes("json") ? filesOfJson(text, address) : filesOfHtml(text);
  return files.flatMap(({ url, sha256, ...file }): IndexFile[] => {
    const absolute = URL.canParse(url, base) ? new URL(url, base) : undefined;
    if (absolute === undefined || !/^https?:$/u.test(absolute.protocol)) return [];
    absolute.hash = "";
    return /^[0-9a-f]{64}$/u.test(sha256) ? [{ ...file, sha256, url: absolute.href }] : [];
  });
}

async function boundedText(response: Response, address: string, alive: () => void): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const body = (response.body ?? []) as AsyncIterable<Uint8Array>; // its element type is any
  for await (const chunk of body) {
    alive();
    bytes += chunk.length;
    if (bytes > MAX_PAGE_BYTES) throw wayFailed(`${address} answered more than ${MAX_PAGE_BYTES / 1e6} MB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function filesOfJson(text: string, address: string): IndexFile[] {
  const page = projectPage.safeParse(parseJson(text));
  if (!page.success) throw wayFailed(`${address} is no page of a package index`, page.error);
  return page.data.files
    .filter(({ yanked = false }) => yanked === false)
    .map(({ filename, url, hashes, size }) => ({
      file: filename,
      url,
      sha256: hashes.sha256 ?? "",
      bytes: size,
    }));
}

/** PEP 503: each file is an anchor, its digest the fragment of the address. */
function filesOfHtml(text: string): IndexFile[] {
  return [...text.matchAll(/<a\s([^>]*)>([^<]*)<\/a>/giu)].flatMap(
    ([, attributes = "", label = ""]): IndexFile[] => {
      const href = unescapeHtml(/\bhref\s*=\s*["']([^"']*)["']/iu.exec(attributes)?.[1] ?? "");
      const [, url, sha256 = ""] = /^(.*)#sha256=([0-9a-f]{64})$/u.exec(href) ?? [];
      const withdrawn = /\bdata-yanked\b/iu.test(attributes);
      return url === undefined || withdrawn
        ? []
        : [{ file: unescapeHtml(label.trim()), url, sha256, bytes: undefined }];
    },
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The schema says what is wrong with it, in the same words as for other pages that are none.
    return undefined;
  }
}
