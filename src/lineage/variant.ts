/** Ids of a matrix's variants: `pretrain@learningRate=0.001,seed=1` is `pretrain` with two axes. */
import type { Json } from "../std/json.ts";

export interface Variant {
  readonly base: string;
  /** Empty for a stage that is no variant. */
  readonly axes: Readonly<Record<string, Json>>;
}

export function readVariant(stageId: string): Variant {
  const at = stageId.indexOf("@");
  if (at === -1) return { base: stageId, axes: {} };
  const pairs = stageId
    .slice(at + 1)
    .split(",")
    .map((pair) => {
      const equals = pair.indexOf("=");
      return equals === -1
        ? ([pair, true] as const)
        : ([pair.slice(0, equals), readValue(pair.slice(equals + 1))] as const);
    });
  return { base: stageId.slice(0, at), axes: Object.fromEntries(pairs) };
}

/** Numbers and booleans as what they are, so that they compare with params and sort by size. */
function readValue(text: string): Json {
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d+(\.\d+)?(e[-+]?\d+)?$/i.test(text) ? Number(text) : text;
}
