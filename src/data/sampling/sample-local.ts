/** Documents out of one's own files. */
import { userError } from "../../errors.ts";
import type { SourceRecord } from "../documents/manifest.ts";
import { fileTexts } from "../formats/file-texts.ts";
import { openLocal } from "../sources/local.ts";
import type { SourceEvents } from "../sources/source.ts";
import type { SampleOutputs } from "./sample-outputs.ts";
import type { LocalParams } from "./sample-params.ts";
import type { SourceSampler } from "./source-sampler.ts";
import { sampleStream, type StreamItem } from "./sample-stream.ts";

export const localSampler = (...sample: Parameters<typeof sampleLocal>): SourceSampler => ({
  documents: () => sampleLocal(...sample),
});

/** Throws FILE_NOT_FOUND, or EMPTY_CORPUS where the files hold no text. */
async function sampleLocal(
  params: LocalParams,
  seed: number,
  outputs: SampleOutputs,
  events: SourceEvents & { readonly onDocuments?: (read: number) => void },
): Promise<SourceRecord[]> {
  const { path, field, language, category } = params;
  const source = await openLocal(path);
  const items = async function* (): AsyncGenerator<StreamItem> {
    for await (const file of source.files()) {
      for await (const item of fileTexts(file, { where: `${path}: ${file.path}`, field })) {
        if ("dropped" in item) yield item;
        else {
          const document = { text: item.text, language, source: source.name, category };
          yield { document, faults: item.faults };
        }
      }
    }
  };
  const kept = await sampleStream(
    {
      name: source.name,
      items,
      seed,
      quotas: { [language]: params.characters },
      weights: { [language]: { [category]: 1 } },
      signal: events.signal,
      onDocuments: events.onDocuments,
    },
    outputs,
  );
  if (kept === 0 && params.characters > 0) {
    throw userError(
      "EMPTY_CORPUS",
      `${path}: no text was left of what the files hold.`,
      `Check that they are not empty, that lines and rows have the field “${field}”, and that no other source holds the same text.`,
    );
  }
  return [source.record()];
}
