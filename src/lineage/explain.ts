/**
 * What differs between an execution that was and the recipe as it is now, field by field. Compares data; it
 * does not know what planning makes of it.
 */
import { isDeepStrictEqual } from "node:util";
import { byCodeUnit } from "../hashing/canonical.ts";
import { FINGERPRINT_VERSION, type ArtifactFormat } from "../hashing/fingerprint.ts";
import type { Json, JsonObject } from "../std/json.ts";
import { leavesOf } from "../std/leaves.ts";
import type { ExecutionRecord } from "../store/records.ts";

export interface Difference {
  readonly code:
    | "param-changed"
    | "input-changed"
    | "source-changed"
    | "package-changed"
    | "environment-changed"
    | "format-changed";
  readonly field: string;
  /** Absent where the field is new. */
  readonly old?: Json;
  /** Absent where the field is gone. */
  readonly new?: Json;
  readonly message: string;
}

/** What an execution was made by, be it finished or not. */
export interface PastRecipe extends Pick<
  ExecutionRecord,
  "fingerprintVersion" | "stageName" | "params" | "source" | "packages" | "environment"
> {
  readonly inputs: Readonly<Record<string, ArtifactFormat & { readonly digest: string }>>;
  readonly outputs: Readonly<Record<string, ArtifactFormat>>;
}

/** The recipe as it is now; `digest: null` where the input is not made yet, which is no difference. */
export interface CurrentRecipe {
  readonly stageName: string;
  readonly params: JsonObject;
  readonly inputs: Readonly<Record<string, ArtifactFormat & { readonly digest: string | null }>>;
  readonly outputs: Readonly<Record<string, ArtifactFormat>>;
  readonly source: { readonly digest: string; readonly files: Readonly<Record<string, string>> };
  readonly packages: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, Json>>;
}

/** Empty where nothing that decides the result differs. */
export function explain(then: PastRecipe, now: CurrentRecipe): Difference[] {
  return [
    ...fields("param-changed", "param", leavesOf(then.params), leavesOf(now.params)),
    ...inputDifferences(then, now),
    ...sourceDifferences(then.source, now.source),
    ...fields("package-changed", "package", then.packages, now.packages),
    ...fields("environment-changed", "environment", then.environment, now.environment),
    ...formatDifferences(then, now),
  ];
}

function inputDifferences(then: PastRecipe, now: CurrentRecipe): Difference[] {
  const known = Object.entries(now.inputs).filter(([, { digest }]) => digest !== null);
  const pending = new Set(Object.keys(now.inputs).filter((name) => now.inputs[name]?.digest === null));
  const before = Object.entries(then.inputs).filter(([name]) => !pending.has(name));
  return fields("input-changed", "input", digests(before), digests(known));
}

const digests = (entries: readonly (readonly [string, { readonly digest: string | null }])[]) =>
  Object.fromEntries(entries.map(([name, { digest }]) => [name, digest]));

function sourceDifferences(then: PastRecipe["source"], now: CurrentRecipe["source"]): Difference[] {
  if (then.digest === now.digest) return [];
  const byFile = fields("source-changed", "source file", then.files, now.files);
  if (byFile.length > 0) return byFile;
  // Every file alone reads the same, and the whole does not: e.g. another version of the bundler.
  return fields("source-changed", "source", { digest: then.digest }, { digest: now.digest });
}

function formatDifferences(then: PastRecipe, now: CurrentRecipe): Difference[] {
  const version = { version: then.fingerprintVersion };
  return [
    ...fields("format-changed", "stage", { name: then.stageName }, { name: now.stageName }),
    ...fields("format-changed", "fingerprint", version, { version: FINGERPRINT_VERSION }),
    ...fields("format-changed", "format of input", formats(then.inputs), formats(now.inputs, then.inputs)),
    ...fields("format-changed", "format of output", formats(then.outputs), formats(now.outputs)),
  ];
}

/** `among`: only names that occur there too; a new input is an input-changed already. */
function formats(
  artifacts: Readonly<Record<string, ArtifactFormat>>,
  among: Readonly<Record<string, unknown>> = artifacts,
): Record<string, Json> {
  const kept = Object.entries(artifacts).filter(([name]) => name in among);
  return Object.fromEntries(
    kept.map(([name, { kind, formatVersion }]) => [name, `${kind} v${formatVersion}`]),
  );
}

function fields(
  code: Difference["code"],
  what: string,
  then: Readonly<Record<string, Json>>,
  now: Readonly<Record<string, Json>>,
): Difference[] {
  const names = [...new Set([...Object.keys(then), ...Object.keys(now)])].sort(byCodeUnit);
  return names.flatMap((field) => {
    const [old, current] = [then[field], now[field]];
    if (isDeepStrictEqual(old, current)) return [];
    return {
      code,
      field,
      ...(old === undefined ? {} : { old }),
      ...(current === undefined ? {} : { new: current }),
      message: `${what} ${field}${describe(code, old, current)}`,
    };
  });
}

function describe(code: Difference["code"], old: Json | undefined, current: Json | undefined): string {
  if (old === undefined) return code === "source-changed" ? " is new" : ` is new: ${short(current)}`;
  if (current === undefined) return " is gone";
  return code === "source-changed" ? " changed" : `: ${short(old)} → ${short(current)}`;
}

/** Digests are cut to what a person compares. */
function short(value: Json | undefined): string {
  if (typeof value === "string") return /^[0-9a-f]{64}$/.test(value) ? value.slice(0, 12) : value;
  return JSON.stringify(value);
}
