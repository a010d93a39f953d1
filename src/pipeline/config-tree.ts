/** A config as a tree that remembers where each key and value was written; merging keeps that. */
import { isAlias, isMap, isScalar, isSeq, parseDocument, type Document, type Node, type Range } from "yaml";
import { userError } from "../errors.ts";
import type { Json } from "../std/json.ts";
import { showAt, type ConfigSource, type Origin } from "./config-source.ts";

export interface ConfigMap {
  readonly kind: "map";
  readonly origin: Origin;
  readonly entries: ReadonlyMap<string, ConfigEntry>;
}

export interface ConfigEntry {
  readonly key: Origin;
  readonly node: ConfigNode;
}

export type ConfigNode =
  | ConfigMap
  | { readonly kind: "list"; readonly origin: Origin; readonly items: readonly ConfigNode[] }
  | { readonly kind: "scalar"; readonly origin: Origin; readonly value: Json };

/** Deeper than any config; what goes further is an alias inside itself. */
const MAX_DEPTH = 64;

/** `offset`: where `text` begins within the source. Throws `CONFIG_SYNTAX`. */
export function parseConfig(source: ConfigSource, text = source.text, offset = 0): ConfigNode {
  const document = parseDocument(text, { prettyErrors: false });
  const [problem] = document.errors;
  const originOf = (range: Range | readonly [number, number] | null | undefined): Origin => {
    const [start, end] = range ?? [0, 0];
    return { source, start: start + offset, end: end + offset };
  };
  if (problem)
    throw userError(
      "CONFIG_SYNTAX",
      showAt(originOf(problem.pos), problem.message),
      "the file must be well-formed YAML",
    );
  return toNode(document.contents, document, originOf, 0);
}

type OriginOf = (range: Range | null | undefined) => Origin;

function toNode(node: Node | null, document: Document, originOf: OriginOf, depth: number): ConfigNode {
  const origin = originOf(node?.range);
  if (depth > MAX_DEPTH)
    throw userError("CONFIG_SYNTAX", showAt(origin, "nested too deeply"), "look for an alias inside itself");
  if (isAlias(node)) return toNode(node.resolve(document) ?? null, document, originOf, depth + 1);
  if (isMap<Node, Node | null>(node)) {
    const entries = node.items.map(({ key, value }): [string, ConfigEntry] => {
      const name = isScalar(key) ? String(key.value) : String(key);
      return [name, { key: originOf(key.range), node: toNode(value, document, originOf, depth + 1) }];
    });
    return { kind: "map", origin, entries: new Map(entries) };
  }
  if (isSeq<Node>(node)) {
    const items = node.items.map((item) => toNode(item, document, originOf, depth + 1));
    return { kind: "list", origin, items };
  }
  return { kind: "scalar", origin, value: isScalar(node) ? (node.value as Json) : null };
}

/** Maps merge key by key; lists and scalars of `over` replace what is below. */
export function mergeConfigs(base: ConfigNode, over: ConfigNode): ConfigNode {
  if (base.kind !== "map" || over.kind !== "map") return over;
  const entries = new Map(base.entries);
  for (const [key, entry] of over.entries) {
    const below = entries.get(key);
    entries.set(key, below ? { key: entry.key, node: mergeConfigs(below.node, entry.node) } : entry);
  }
  return { kind: "map", origin: over.origin, entries };
}

export function toValue(node: ConfigNode): Json {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(toValue);
  return Object.fromEntries([...node.entries].map(([key, entry]) => [key, toValue(entry.node)]));
}

/** The entry at a path, or the deepest thing above it that was written. `found` counts the path's parts. */
export function locate(
  root: ConfigNode,
  path: readonly PropertyKey[],
): { node: ConfigNode; key?: Origin; found: number } {
  let node = root;
  let key: Origin | undefined;
  let found = 0;
  for (const part of path) {
    const entry = node.kind === "map" ? node.entries.get(String(part)) : undefined;
    const next = entry?.node ?? (node.kind === "list" ? node.items[Number(part)] : undefined);
    if (next === undefined) break;
    key = entry?.key ?? next.origin;
    node = next;
    found++;
  }
  return key === undefined ? { node, found } : { node, key, found };
}
