/**
 * What code names without importing it: `require` made by `createRequire`, `require.resolve`, `import.meta.resolve`,
 * `new URL(…, import.meta.url)`. esbuild leaves these alone, yet what they name is part of what the code does.
 */
import { parse, type AnyNode, type CallExpression, type NewExpression } from "acorn";
import { boundNames, children } from "./forget-names.ts";

export interface Reference {
  readonly how: "require" | "resolve" | "url";
  /** Undefined where the code computes it. */
  readonly specifier: string | undefined;
  /** What stands in the code, e.g. `createRequire(…)(…)`. */
  readonly form: string;
  /** In a `try`: what is not there may be meant not to be. */
  readonly guarded: boolean;
  /** From 1. */
  readonly line: number;
  /** From 0. */
  readonly column: number;
}

/** A name that holds a `require`, and where it does. */
interface Requirer {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

interface Place {
  /** The function, or the module, that the node stands in. */
  readonly scope: AnyNode;
  readonly guarded: boolean;
}

/** `code`: an ES module without types, as esbuild bundles it. In the order of the code. */
export function findReferences(code: string): readonly Reference[] {
  if (!/\b(createRequire|_*require|import\.meta)\b/.test(code)) return [];
  const module = parse(code, { ecmaVersion: "latest", sourceType: "module", locations: true });
  const isMaker = makersOf(module);
  const constants = constantsOf(module);
  const requirers: Requirer[] = [];
  /** Makers whose result is followed, or is said not to be. */
  const seen = new Set<AnyNode>();
  const found: Reference[] = [];

  const isRequire = (node: AnyNode): boolean => {
    if (isMaker(node)) {
      seen.add(node);
      return isOwnPlace((node as CallExpression).arguments[0]);
    }
    if (node.type !== "Identifier") return false;
    // esbuild's own name for the `require` of its surroundings has the underscores.
    if (node.name === "require" || node.name === "__require") return true;
    return requirers.some(
      ({ name, start, end }) => name === node.name && start <= node.start && node.end <= end,
    );
  };
  const add = (node: AnyNode, place: Place, part: Pick<Reference, "how" | "specifier" | "form">): void => {
    const { line, column } = node.loc?.start ?? { line: 1, column: 0 };
    found.push({ ...part, guarded: place.guarded, line, column });
  };
  const visitCall = (node: CallExpression | NewExpression, place: Place): void => {
    const { callee } = node;
    const [first, second] = node.arguments;
    const specifier = literalOf(first, constants);
    if (node.type === "NewExpression") {
      if (isNamed(callee, "URL") && isMeta(second, ["url"]))
        add(node, place, { how: "url", specifier, form: "new URL(…, import.meta.url)" });
    } else if (isRequire(callee)) add(node, place, { how: "require", specifier, form: "require(…)" });
    else if (callee.type === "MemberExpression" && propertyOf(callee) === "resolve") {
      if (isRequire(callee.object))
        add(node, place, { how: "require", specifier, form: "require.resolve(…)" });
      else if (isMetaProperty(callee.object))
        add(node, place, { how: "resolve", specifier, form: "import.meta.resolve(…)" });
    }
    if (isMaker(node) && !seen.has(node))
      add(node, place, { how: "require", specifier: undefined, form: "createRequire(…)" });
  };
  const declare = (node: AnyNode, { scope }: Place): void => {
    if (node.type !== "VariableDeclarator" || node.id.type !== "Identifier" || !node.init) return;
    if (!isMaker(node.init) || !isOwnPlace((node.init as CallExpression).arguments[0])) return;
    seen.add(node.init);
    requirers.push({ name: node.id.name, start: scope.start, end: scope.end });
  };

  // Twice: a function may use what is declared below it.
  walk(module, { scope: module, guarded: false }, declare);
  walk(module, { scope: module, guarded: false }, (node, place) => {
    if (node.type === "CallExpression" || node.type === "NewExpression") visitCall(node, place);
  });
  return found;
}

function walk(node: AnyNode, place: Place, visit: (node: AnyNode, place: Place) => void): void {
  visit(node, place);
  const isFunction = node.type.includes("Function");
  for (const child of children(node)) {
    const guarded = place.guarded || (node.type === "TryStatement" && child === node.block && !!node.handler);
    walk(child, { scope: isFunction ? node : place.scope, guarded }, visit);
  }
}

/** Whether a node is a call of Node's `createRequire`, by whatever name the module imports it. */
function makersOf(module: AnyNode): (node: AnyNode) => boolean {
  const names = new Set<string>();
  const namespaces = new Set<string>();
  walk(module, { scope: module, guarded: false }, (node) => {
    if (node.type !== "ImportDeclaration" || !/^(node:)?module$/.test(String(node.source.value))) return;
    for (const each of node.specifiers)
      if (each.type !== "ImportSpecifier") namespaces.add(each.local.name);
      else if (isNamed(each.imported, "createRequire")) names.add(each.local.name);
      else if (isNamed(each.imported, "default")) namespaces.add(each.local.name);
  });
  return (node) => {
    if (node.type !== "CallExpression") return false;
    const { callee } = node;
    if (callee.type === "Identifier") return names.has(callee.name);
    return (
      callee.type === "MemberExpression" &&
      propertyOf(callee) === "createRequire" &&
      callee.object.type === "Identifier" &&
      namespaces.has(callee.object.name)
    );
  };
}

const isNamed = (node: AnyNode, name: string): boolean => node.type === "Identifier" && node.name === name;

const propertyOf = (node: Extract<AnyNode, { type: "MemberExpression" }>): string | undefined =>
  !node.computed && node.property.type === "Identifier" ? node.property.name : undefined;

const isMetaProperty = (node: AnyNode): boolean =>
  node.type === "MetaProperty" && node.meta.name === "import";

const isMeta = (node: AnyNode | undefined, properties: readonly string[]): boolean =>
  node?.type === "MemberExpression" &&
  isMetaProperty(node.object) &&
  properties.includes(propertyOf(node) ?? "");

/** The file that the code stands in. */
const isOwnPlace = (node: AnyNode | undefined): boolean => isMeta(node, ["url", "filename"]);

/** Names that stand for one string wherever they occur: given a value once, and bound by nothing else. */
function constantsOf(module: AnyNode): ReadonlyMap<string, string> {
  const bindings = new Map<string, (string | undefined)[]>();
  const bind = (pattern: AnyNode | null | undefined, value?: string): void => {
    for (const name of boundNames(pattern)) bindings.set(name, [...(bindings.get(name) ?? []), value]);
  };
  walk(module, { scope: module, guarded: false }, (node) => {
    // In modules that load late, esbuild declares first and assigns later.
    if (node.type === "VariableDeclarator" && node.init) bind(node.id, literalOf(node.init, new Map()));
    else if (node.type === "AssignmentExpression")
      bind(node.left, node.operator === "=" ? literalOf(node.right, new Map()) : undefined);
    else if (node.type === "ForOfStatement" || node.type === "ForInStatement")
      for (const { id } of node.left.type === "VariableDeclaration" ? node.left.declarations : []) bind(id);
    else if (node.type === "CatchClause") bind(node.param);
    else if ("params" in node) node.params.forEach((param) => bind(param));
  });
  const constants = new Map<string, string>();
  for (const [name, [value, ...more]] of bindings)
    if (value !== undefined && more.length === 0) constants.set(name, value);
  return constants;
}

function literalOf(
  node: AnyNode | null | undefined,
  constants: ReadonlyMap<string, string>,
): string | undefined {
  if (node?.type === "Literal" && typeof node.value === "string") return node.value;
  if (node?.type === "Identifier") return constants.get(node.name);
  if (node?.type !== "TemplateLiteral") return undefined;
  let text = "";
  for (const [index, { value }] of node.quasis.entries()) {
    const inserted = node.expressions[index];
    const part = inserted === undefined ? "" : literalOf(inserted, constants);
    if (part === undefined || typeof value.cooked !== "string") return undefined;
    text += value.cooked + part;
  }
  return text;
}
