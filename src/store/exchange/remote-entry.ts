/** Reads one entry of a remote, and believes nothing of it before it is verified. */
import { invalidDocument } from "./bounded-json.ts";
import { decodeEntry, listsFiles, type Entry } from "./entry.ts";
import type { TransferOptions } from "./progress.ts";
import { entryKey, type RemoteStore } from "./remote-store.ts";
import { retrying } from "./retry.ts";
import { MAX_DOCUMENT_BYTES, type Trust } from "./signed-document.ts";

export type RemoteEntry = Entry & { readonly key: string };

/** Undefined where there is none. Throws what `decodeEntry` throws. */
export async function readEntry(
  remote: RemoteStore,
  fingerprint: string,
  options: TransferOptions & { readonly trust: Trust },
): Promise<RemoteEntry | undefined> {
  const key = entryKey(fingerprint);
  const what = `${key} of ${remote.url}`;
  const text = await retrying(remote, "reading an entry", options, async () => {
    const chunks = await remote.get(key, options.signal);
    return chunks && (await readText(chunks, what));
  });
  if (text === undefined) return undefined;
  const entry = decodeEntry(text, what, options.trust);
  if (entry.execution.fingerprint !== fingerprint)
    throw invalidDocument(what, `it is about ${entry.execution.fingerprint}`);
  if (!listsFiles(entry)) throw invalidDocument(what, "it lists no files");
  return entry;
}

async function readText(chunks: AsyncIterable<Uint8Array>, what: string): Promise<string> {
  const all: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    if (bytes > MAX_DOCUMENT_BYTES)
      throw invalidDocument(what, `it has more than ${MAX_DOCUMENT_BYTES} bytes`);
    all.push(chunk);
  }
  return Buffer.concat(all).toString("utf8");
}
