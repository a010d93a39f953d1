/** Ids of things that exist in variants: `pretrain@learningRate=0.001,seed=1` is `pretrain` with two axes. */
import type { Json } from "./json.ts";

export interface Variant {
  readonly base: string;
  /** Empty for what is no variant. */
  readonly axes: Readonly<Record<string, Json>>;
}

/** `@learningRate=0.001,seed=1`; empty where there are no axes. */
export function variantSuffix(axes: Readonly<Record<string, string | number | boolean>>): string {
  const parts = Object.entries(axes).map(([name, value]) => `${name}=${String(value)}`);
  return parts.length === 0 ? "" : `@${parts.join(",")}`;
}

export function readVariant(id: string): Variant {
  const { base, parts } = partsOf(id);
  const pairs = parts.map((pair) => {
    const equals = pair.indexOf("=");
    return equals === -1
      ? ([pair, true] as const)
      : ([pair.slice(0, equals), readValue(pair.slice(equals + 1))] as const);
  });
  return { base, axes: Object.fromEntries(pairs) };
}

/**
 * Whether `target`, an id with some of the axes, means the variant `id`: `eval@` all variants of `eval`, `eval@seed=1`
 * those with that seed, in whatever order the axes are written.
 */
export function isVariantOf(id: string, target: string): boolean {
  const [wanted, own] = [partsOf(target), partsOf(id)];
  const variants = id.includes("@") && target.includes("@");
  return variants && wanted.base === own.base && wanted.parts.every((part) => own.parts.includes(part));
}

function partsOf(id: string): { readonly base: string; readonly parts: readonly string[] } {
  const at = id.indexOf("@");
  if (at === -1) return { base: id, parts: [] };
  const parts = id.slice(at + 1).split(",");
  return { base: id.slice(0, at), parts: parts.filter((part) => part !== "") };
}

/** Numbers and booleans as what they are, so that they compare with params and sort by size. */
function readValue(text: string): Json {
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d+(\.\d+)?(e[-+]?\d+)?$/i.test(text) ? Number(text) : text;
}
