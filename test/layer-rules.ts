/** DESIGN's table of layers as data, and the checker that compares imports with it. Not a test itself. */
import { readdirSync } from "node:fs";
import { join, posix } from "node:path";
import ts from "typescript";

export interface Import {
  /** Both relative to the project, with `/`. */
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const RUNNER_HALF = ["pipeline", "hashing", "store", "lineage", "runner"];
const MODEL_HALF = ["tensor", "engine", "model", "tokenizer", "data", "train", "evaluate", "export"];
const MODEL_BELOW_TRAIN = ["tensor", "engine", "model", "tokenizer", "data"];

/** Folder below src/ → folders that its files may import, besides its own, `errors.ts` and `std`. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  std: [],
  pipeline: [],
  hashing: [],
  store: ["hashing"],
  lineage: ["hashing", "store"],
  runner: ["pipeline", "hashing", "store", "lineage"],
  tensor: [],
  engine: ["tensor"],
  model: ["tensor"],
  tokenizer: [],
  data: ["tokenizer"],
  train: MODEL_BELOW_TRAIN,
  evaluate: [...MODEL_BELOW_TRAIN, "train"],
  export: [...MODEL_BELOW_TRAIN, "train", "evaluate"],
  cli: [...RUNNER_HALF, ...MODEL_HALF, "report"],
  report: [...RUNNER_HALF, ...MODEL_HALF, "cli"],
};

/** Files that re-export what others import from one place. */
export const BARRELS = ["src/pipeline/index.ts", "stages/index.ts"];

/** Where lineage and runner may take values of store/ from; of the rest they see types only. */
const STORE_INTERFACE = "src/store/store.ts";
const COMPOSITION_ROOT = "src/runner/session.ts";

/** All TypeScript and JavaScript below a folder, relative to the project; none where there is no such folder. */
export function listSources(root: string, folder: string): string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && /\.(ts|js)$/.test(entry.name))
    .map((entry) => posix.relative(root, posix.join(entry.parentPath, entry.name)))
    .sort();
}

/** Relative imports of a file, static and dynamic, with those of types. */
export function importsOf(from: string, text: string): Import[] {
  const source = ts.createSourceFile(from, text, ts.ScriptTarget.Latest, true);
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier) || !specifier.text.startsWith("."))
      return;
    found.push({ from, to: posix.join(posix.dirname(from), specifier.text), typeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnly(node.importClause));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const bindings = clause.namedBindings;
  if (clause.name !== undefined || bindings === undefined || !ts.isNamedImports(bindings)) return false;
  return bindings.elements.length > 0 && bindings.elements.every((element) => element.isTypeOnly);
}

/** A file is a barrel where every statement passes something of another file on. */
export function isBarrel(text: string): boolean {
  const { statements } = ts.createSourceFile("file.ts", text, ts.ScriptTarget.Latest);
  return (
    statements.length > 0 &&
    statements.every(
      (statement) => ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined,
    )
  );
}

const folderOf = (path: string): string => {
  const [top = "", second = ""] = path.split("/");
  return top === "src" ? (path.split("/").length === 2 ? "errors" : second) : top;
};

/** One sentence for every import that the table forbids. */
export function violations(imports: readonly Import[]): string[] {
  return imports.flatMap((each) => {
    const problem = problemOf(each);
    return problem === undefined ? [] : [`${each.from} imports ${each.to}: ${problem}`];
  });
}

function problemOf({ from, to, typeOnly }: Import): string | undefined {
  const [folder, target] = [folderOf(from), folderOf(to)];
  if (!from.startsWith("src/")) {
    // stages/ and pipeline.ts are where the halves meet; reports are pure text that stages write (docs/adr/0002).
    const forbidden = ["cli", "runner", "store", "lineage", "hashing"].includes(target);
    return forbidden
      ? "stages and pipelines know the author's API, the language-model half and reports only"
      : undefined;
  }
  if (!to.startsWith("src/"))
    return folder === "cli" || folder === "report" ? undefined : "the library imports nothing outside src/";
  if (folder === target || target === "errors" || target === "std") {
    return folder === "errors" && target !== "errors" && !typeOnly ? "errors.ts is the ground" : undefined;
  }
  const allowed = MAY_IMPORT[folder];
  if (allowed === undefined) return `src/${folder} has no row in the table`;
  if (!allowed.includes(target)) return `${folder} may import ${allowed.join(", ") || "std only"}`;
  const concrete = target === "store" && !typeOnly && to !== STORE_INTERFACE;
  if (concrete && (folder === "runner" || folder === "lineage") && from !== COMPOSITION_ROOT)
    return "lineage and runner see the store's interfaces; only session.ts opens one";
  return undefined;
}

/** Circles of imports that exist when the program runs; types are gone by then. */
export function cycles(imports: readonly Import[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to, typeOnly } of imports)
    if (!typeOnly) next.set(from, [...(next.get(from) ?? []), to]);
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const seen = trail.indexOf(path);
    if (seen !== -1) found.push([...trail.slice(seen), path].join(" → "));
    if (seen !== -1 || done.has(path)) return;
    for (const target of next.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of next.keys()) visit(path, []);
  return found;
}
