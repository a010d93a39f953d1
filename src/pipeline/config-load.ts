/**
 * Loads a recipe: the YAML file, the files that it extends, `--set` overrides over both, validated as one.
 * Every error shows the place in the file or option where the offending text was written.
 */
import { readFileSync } from "node:fs";
import { dirname, relative, resolve, sep } from "node:path";
import { userError, type PipelineError } from "../errors.ts";
import { errorCode } from "../std/error-code.ts";
import { nearest } from "../std/nearest.ts";
import { inputJsonSchema, keysAt } from "./config-json-schema.ts";
import { showAt, type ConfigSource, type Origin } from "./config-source.ts";
import {
  locate,
  mergeConfigs,
  parseConfig,
  toValue,
  type ConfigMap,
  type ConfigNode,
} from "./config-tree.ts";
import type { StandardIssue, StandardSchema } from "./standard-schema.ts";

export interface LoadConfigOptions {
  /** Absolute; files are named relative to it. */
  readonly projectRoot: string;
  /** Relative to the project root, or absolute. */
  readonly file: string;
  /** `a.b.c=value`, the value read as YAML; later ones win. */
  readonly set?: readonly string[] | undefined;
  readonly schema: StandardSchema;
}

export interface LoadedConfig {
  /** What the schema made of it. */
  readonly value: unknown;
  /** The recipe, relative to the project root. */
  readonly file: string;
  /** Absolute paths of all files that were read, the recipe first. */
  readonly files: readonly string[];
}

/**
 * Throws user errors: `CONFIG_NOT_FOUND`, `CONFIG_SYNTAX`, `CONFIG_EXTENDS_CYCLE`, `CONFIG_SET_SYNTAX`,
 * `CONFIG_INVALID`.
 */
export async function loadConfig({
  projectRoot,
  file,
  set = [],
  schema,
}: LoadConfigOptions): Promise<LoadedConfig> {
  const path = resolve(projectRoot, file);
  const files: string[] = [];
  const fromFiles = readRecipe(path, projectRoot, files, undefined);
  const root = set.reduce<ConfigNode>((below, option) => mergeConfigs(below, parseSet(option)), fromFiles);
  const result = await schema["~standard"].validate(toValue(root));
  if (result.issues) throw invalid(root, result.issues, schema);
  return { value: result.value, file: shown(path, projectRoot), files };
}

const shown = (path: string, projectRoot: string): string => relative(projectRoot, path).split(sep).join("/");

/** `from`: where another file says `extends`. */
function readRecipe(
  path: string,
  projectRoot: string,
  chain: string[],
  from: Origin | undefined,
): ConfigNode {
  if (chain.includes(path) && from !== undefined) {
    const cycle = [...chain, path].map((each) => shown(each, projectRoot)).join(" → ");
    throw userError(
      "CONFIG_EXTENDS_CYCLE",
      showAt(from, `extends itself: ${cycle}`),
      "take one of these extends out",
    );
  }
  chain.push(path);
  const source = { name: shown(path, projectRoot), text: readText(path, projectRoot, from) };
  const node = parseConfig(source);
  // An empty file is a recipe that changes nothing.
  if (node.kind === "scalar" && node.value === null) return emptyMap(source);
  if (node.kind !== "map")
    throw userError(
      "CONFIG_INVALID",
      showAt(node.origin, "a recipe is a map of keys to values"),
      "begin with a key",
    );
  const base = node.entries.get("extends")?.node;
  const entries = new Map([...node.entries].filter(([key]) => key !== "extends"));
  const own: ConfigMap = { ...node, entries };
  if (base === undefined) return own;
  if (base.kind !== "scalar" || typeof base.value !== "string")
    throw userError(
      "CONFIG_INVALID",
      showAt(base.origin, "extends takes one file name, relative to this file"),
      "extends: tiny.yaml",
    );
  return mergeConfigs(readRecipe(resolve(dirname(path), base.value), projectRoot, chain, base.origin), own);
}

const emptyMap = (source: ConfigSource): ConfigMap => ({
  kind: "map",
  origin: { source, start: 0, end: 0 },
  entries: new Map(),
});

function readText(path: string, projectRoot: string, from: Origin | undefined): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const reason = errorCode(error) === "ENOENT" ? "there is no file" : "cannot read";
    const message = `${reason} ${shown(path, projectRoot)}`;
    throw userError(
      "CONFIG_NOT_FOUND",
      from === undefined ? message : showAt(from, message),
      from === undefined ? "the recipes are in configs/" : "extends is relative to the file that says it",
    );
  }
}

/** `a.b=1` as a tree `{a: {b: 1}}` whose origins point into the option. */
function parseSet(option: string): ConfigNode {
  const source = { name: "--set", text: option };
  const equals = option.indexOf("=");
  const path = option.slice(0, Math.max(equals, 0)).split(".");
  if (equals === -1 || path.some((part) => part.trim() === ""))
    throw userError(
      "CONFIG_SET_SYNTAX",
      showAt({ source, start: 0, end: option.length }, "an override is written path.to.key=value"),
      "--set pretrain.steps=400",
    );
  let node = parseConfig(source, option.slice(equals + 1), equals + 1);
  let end = equals;
  for (const part of path.toReversed()) {
    const key = { source, start: end - part.length, end };
    node = { kind: "map", origin: { ...key, start: 0 }, entries: new Map([[part, { key, node }]]) };
    end -= part.length + 1;
  }
  return node;
}

function invalid(root: ConfigNode, issues: readonly StandardIssue[], schema: StandardSchema): PipelineError {
  const jsonSchema = inputJsonSchema(schema);
  const misspelt = issues.flatMap((issue) => {
    const parent = pathOf(issue);
    const known = keysAt(jsonSchema, parent);
    return unknownKeys(issue).map((key): UnknownKey => ({ parent, key, known, near: nearest(key, known) }));
  });
  // A key that is misspelt is missing as well: that is one mistake, and told once.
  const meant = new Set(misspelt.map(({ parent, near }) => near && nameOf([...parent, near])));
  const wrong = issues.filter((issue) => unknownKeys(issue).length === 0);
  const texts = [
    ...misspelt.map((unknown) => describeUnknown(root, unknown)),
    ...wrong
      .filter((issue) => !(meant.has(nameOf(pathOf(issue))) && isMissing(root, issue)))
      .map((issue) => describeWrong(root, issue)),
  ];
  const count = texts.length === 1 ? "the place" : `the ${texts.length} places`;
  const wholeSection = wrong.some((issue) => pathOf(issue).length === 1 && isMissing(root, issue));
  return userError(
    "CONFIG_INVALID",
    texts.join("\n\n"),
    wholeSection
      ? "take what is missing from another recipe: begin with a line like `extends: tiny.yaml`"
      : `correct ${count} shown and run again`,
  );
}

interface UnknownKey {
  readonly parent: readonly PropertyKey[];
  readonly key: string;
  /** The keys that may stand there, and the one that was probably meant. */
  readonly known: readonly string[];
  readonly near: string | undefined;
}

const pathOf = ({ path = [] }: StandardIssue): PropertyKey[] =>
  path.map((part) => (typeof part === "object" ? part.key : part));
const nameOf = (path: readonly PropertyKey[]): string => path.map(String).join(".");

const isMissing = (root: ConfigNode, issue: StandardIssue): boolean =>
  locate(root, pathOf(issue)).found < pathOf(issue).length;

function describeWrong(root: ConfigNode, issue: StandardIssue): string {
  const path = pathOf(issue);
  const { node, key } = locate(root, path);
  const message = issue.message.replace(/^Invalid input: /, "");
  if (isMissing(root, issue)) {
    // Nothing was written there: point at what should hold it.
    const expected = message.replace(/, received undefined$/, "");
    return showAt(key ?? firstOf(node.origin), `${nameOf(path)} is missing: ${expected}`);
  }
  const written = node.kind === "scalar" && typeof node.value === "string" ? node.value : undefined;
  const near = written === undefined ? undefined : nearest(written, choices(issue));
  const advice = near === undefined ? "" : `; did you mean ${near}?`;
  return showAt(node.origin, `${nameOf(path)}: ${message}${advice}`);
}

/** An unknown key is reported by zod at its parent, with the keys beside it. */
const unknownKeys = (issue: StandardIssue): string[] => stringsAt(issue, "keys");

/** The values of an enumeration, or of what tells the members of a union apart, as zod gives them beside the message. */
const choices = (issue: StandardIssue): string[] => [
  ...stringsAt(issue, "values"),
  ...stringsAt(issue, "options"),
];

function stringsAt(issue: object, property: string): string[] {
  const list = Object.entries(issue).find(([name]) => name === property)?.[1] as unknown;
  return Array.isArray(list) ? list.filter((item) => typeof item === "string") : [];
}

function describeUnknown(root: ConfigNode, { parent, key, known, near }: UnknownKey): string {
  const path = [...parent, key];
  const { key: origin, node } = locate(root, path);
  const advice =
    near !== undefined
      ? `; did you mean ${near}?`
      : known.length > 0
        ? `; there are: ${known.join(", ")}`
        : "";
  return showAt(origin ?? node.origin, `unknown key ${nameOf(path)}${advice}`);
}

const firstOf = (origin: Origin): Origin => ({ ...origin, end: origin.start + 1 });
