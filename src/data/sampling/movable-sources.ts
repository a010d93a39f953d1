/** What a person should know of sources that the recipe names by what may move: a branch or a tag. */
import type { Manifest } from "../documents/manifest.ts";

/** One line for each, with the commit that was read and how to get the same again, or a newer one. */
export function movableSources({ sources }: Pick<Manifest, "sources">): string[] {
  const lines = sources.flatMap(({ name, revision, asked }) =>
    asked === undefined
      ? []
      : `${name}: ${asked} was at ${revision}. It may move: a recipe that names the commit gets the same again; npx pipeline run download-sample --force download-sample, with the same --config and --set, gets what it is at then`,
  );
  return [...new Set(lines)];
}
