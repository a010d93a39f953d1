/** A batch as plain values, the names of its rows among them: what two sources must agree in. */
import type { Origins } from "../../../src/data/batch.ts";

export const contents = async <Source extends { readonly origins?: Origins }>({
  origins,
  ...data
}: Source) => ({
  ...data,
  rows: await origins?.(),
});
