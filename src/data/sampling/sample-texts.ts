/** Documents out of the files of any source, each text by itself: one's own, those of a web server, of a Hub repository. */
import { userError } from "../../errors.ts";
import type { SourceRecord } from "../documents/manifest.ts";
import { fileKind } from "../formats/file-kind.ts";
import { fileTexts } from "../formats/file-texts.ts";
import type { Source } from "../sources/source.ts";
import type { SampleOutputs } from "./sample-outputs.ts";
import type { TextsParams } from "./sample-params.ts";
import { sampleStream, type StreamItem } from "./sample-stream.ts";
import type { SampleEvents } from "./source-sampler.ts";

/**
 * Reads the files twice: to know what they hold, and to draw from it. Throws EMPTY_CORPUS where they hold no text, and what
 * the source and `fileTexts` throw.
 */
export async function sampleTexts(
  params: TextsParams,
  source: Source,
  seed: number,
  outputs: SampleOutputs,
  { signal, onDocuments }: SampleEvents,
): Promise<SourceRecord[]> {
  const { field, language, category, characters } = params;
  const wanted = (path: string): boolean =>
    fileKind(path) !== undefined && (params.files === undefined || path.startsWith(params.files));
  const items = async function* (): AsyncGenerator<StreamItem> {
    for await (const file of source.files(wanted)) {
      for await (const item of fileTexts(file, { where: `${source.name}: ${file.path}`, field })) {
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
      quotas: { [language]: characters },
      weights: { [language]: { [category]: 1 } },
      signal,
      onDocuments,
    },
    outputs,
  );
  if (kept === 0 && characters > 0) {
    throw userError(
      "EMPTY_CORPUS",
      `${source.name}: no text was left of what its files hold.`,
      `Check that they are not empty, that lines and rows have the field “${field}”, and that no other source holds the same text. npx pipeline peek shows what is there.`,
    );
  }
  return [source.record()];
}
