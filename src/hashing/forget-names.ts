/**
 * Renames every local of a module to a number in order of appearance, so that code differing only in the
 * names of locals becomes one text. esbuild's minifier goes before: it gives names by scope and use, the same
 * scheme for any original names, but draws letters by their frequency in the text, which a rename tips. What
 * is left is a bijection of short names, and no scope analysis is needed to undo it.
 */
import {
  parse,
  type AnyNode,
  type BreakStatement,
  type ContinueStatement,
  type ImportDefaultSpecifier,
  type ImportNamespaceSpecifier,
  type MethodDefinition,
  type PropertyDefinition,
} from "acorn";
import { transform } from "esbuild";

/** `code`: an ES module without types. Property names, globals and strings stay as they are. */
export async function forgetNames(code: string): Promise<string> {
  const { code: minified } = await transform(code, {
    format: "esm",
    target: "node20",
    minify: true,
    legalComments: "none",
    tsconfigRaw: {},
    charset: "utf8",
    logLevel: "silent",
  });
  const found = findNames(minified);
  return rewrite(minified, found);
}

type Namespace = "variable" | "private" | "label";

interface Occurrence {
  readonly start: number;
  readonly end: number;
  readonly name: string;
  readonly namespace: Namespace;
  /** Text around the new name where one identifier stands for a key and a variable: `{a}` → `{a:1}`. */
  readonly before?: string;
  readonly after?: string;
}

interface Found {
  readonly occurrences: readonly Occurrence[];
  /** Names bound somewhere in the module. Any other name is a global, and esbuild never gives a local its name. */
  readonly bound: ReadonlySet<string>;
}

type Visitors = { readonly [T in AnyNode["type"]]?: (node: Extract<AnyNode, { type: T }>) => void };

function findNames(code: string): Found {
  const occurrences: Occurrence[] = [];
  const bound = new Set<string>();

  const add = (
    node: Named,
    namespace: Namespace,
    around: Pick<Occurrence, "before" | "after"> = {},
  ): void => {
    occurrences.push({ start: node.start, end: node.end, name: node.name, namespace, ...around });
  };
  const bind = (node: AnyNode | null | undefined): void => {
    for (const name of boundNames(node)) bound.add(name);
  };
  const visit = (node: AnyNode): void => {
    // TypeScript cannot see that the visitor found under a node's type takes that node.
    const visitor = visitors[node.type] as ((node: AnyNode) => void) | undefined;
    if (visitor === undefined) descend(node);
    else visitor(node);
  };
  const descend = (node: AnyNode): void => children(node).forEach(visit);
  const visitKey = (key: AnyNode, computed: boolean): void => {
    if (computed || key.type === "PrivateIdentifier") visit(key);
  };
  const visitShorthand = (value: AnyNode): void => {
    const [variable, fallback] = value.type === "AssignmentPattern" ? [value.left, value.right] : [value];
    if (variable.type !== "Identifier") throw new Error(`a shorthand property holds a ${variable.type}`);
    add(variable, "variable", { before: `${variable.name}:` });
    if (fallback) visit(fallback);
  };
  const visitFunction = (node: Extract<AnyNode, { params: unknown }>): void => {
    bind(node.id);
    node.params.forEach(bind);
    descend(node);
  };
  const visitDeclared = (
    node: Extract<AnyNode, { type: "VariableDeclarator" | "ClassDeclaration" | "ClassExpression" }>,
  ): void => {
    bind(node.id);
    descend(node);
  };
  const visitMember = (node: MethodDefinition | PropertyDefinition): void => {
    visitKey(node.key, node.computed);
    if (node.value) visit(node.value);
  };
  const visitImported = (node: ImportDefaultSpecifier | ImportNamespaceSpecifier): void => {
    bind(node.local);
    descend(node);
  };
  const visitJump = (node: BreakStatement | ContinueStatement): void => {
    if (node.label) add(node.label, "label");
  };
  const ignore = (): void => undefined;

  const visitors: Visitors = {
    Identifier: (node) => add(node, "variable"),
    PrivateIdentifier: (node) => add(node, "private", { before: "#" }),
    MemberExpression: (node) => {
      visit(node.object);
      visitKey(node.property, node.computed);
    },
    Property: (node) => {
      if (node.shorthand) visitShorthand(node.value);
      else {
        visitKey(node.key, node.computed);
        visit(node.value);
      }
    },
    MethodDefinition: visitMember,
    PropertyDefinition: visitMember,
    VariableDeclarator: visitDeclared,
    ClassDeclaration: visitDeclared,
    ClassExpression: visitDeclared,
    FunctionDeclaration: visitFunction,
    FunctionExpression: visitFunction,
    ArrowFunctionExpression: visitFunction,
    CatchClause: (node) => {
      bind(node.param);
      descend(node);
    },
    LabeledStatement: (node) => {
      add(node.label, "label");
      visit(node.body);
    },
    BreakStatement: visitJump,
    ContinueStatement: visitJump,
    ImportDefaultSpecifier: visitImported,
    ImportNamespaceSpecifier: visitImported,
    ImportSpecifier: ({ imported, local }) => {
      bind(local);
      add(local, "variable", imported.start === local.start ? { before: `${local.name} as ` } : {});
    },
    ExportSpecifier: ({ local, exported }) => {
      if (local.type !== "Identifier") return;
      add(local, "variable", exported.start === local.start ? { after: ` as ${local.name}` } : {});
    },
    // `export {a} from "x"` names nothing of this module.
    ExportNamedDeclaration: (node) => {
      if (!node.source) descend(node);
    },
    ExportAllDeclaration: ignore,
    MetaProperty: ignore,
  };
  visit(parse(code, { ecmaVersion: "latest", sourceType: "module" }));
  return { occurrences, bound };
}

interface Named {
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

/** The variables that a pattern declares. */
export function boundNames(node: AnyNode | null | undefined): string[] {
  if (node?.type === "Identifier") return [node.name];
  if (node?.type === "ObjectPattern")
    return node.properties.flatMap((property) =>
      boundNames(property.type === "RestElement" ? property : property.value),
    );
  if (node?.type === "ArrayPattern") return node.elements.flatMap(boundNames);
  if (node?.type === "AssignmentPattern") return boundNames(node.left);
  if (node?.type === "RestElement") return boundNames(node.argument);
  return [];
}

/** The nodes right below a node. */
export function children(node: AnyNode): AnyNode[] {
  return Object.values(node).flatMap((value: unknown) =>
    (Array.isArray(value) ? value : [value]).filter(isNode),
  );
}

const isNode = (value: unknown): value is AnyNode =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";

function rewrite(code: string, { occurrences, bound }: Found): string {
  const numbers: Readonly<Record<Namespace, Map<string, number>>> = {
    variable: new Map(),
    private: new Map(),
    label: new Map(),
  };
  const inOrder = [...occurrences].sort((a, b) => a.start - b.start);
  const pieces: string[] = [];
  let end = 0;
  for (const { start, end: next, name, namespace, before = "", after = "" } of inOrder) {
    const known = numbers[namespace];
    let renamed = name;
    if (namespace !== "variable" || bound.has(name)) {
      const number = known.get(name) ?? known.size;
      known.set(name, number);
      // `\0` is in no identifier: a number can never be taken for a name that was in the text.
      renamed = `\0${number}\0`;
    }
    pieces.push(code.slice(end, start), before, renamed, after);
    end = next;
  }
  return pieces.join("") + code.slice(end);
}
