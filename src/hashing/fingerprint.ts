/**
 * The fingerprint of an execution: every input of the key, and why it is one. What is not listed here cannot
 * make a stage run again; what is listed decides its result.
 */
import type { Json, JsonObject } from "../std/json.ts";
import { byCodeUnit } from "./canonical.ts";
import { digestValue } from "./digest.ts";

/** Raised when the meaning of a field below changes; old executions are then misses. */
export const FINGERPRINT_VERSION = 1;

export type ArtifactFormat = {
  readonly kind: string;
  readonly formatVersion: number;
};

export interface FingerprintFields {
  /** Two stages with one body and different names are different recipes. The stage *id* is left out: equal work is shared. */
  readonly stage: string;
  /** As the stage's schema parsed them, so that a default spelt out and a default left out are equal. Runtime params are taken out. */
  readonly params: JsonObject;
  /**
   * Content, not recipe: an upstream that ran again and gave the same bytes stops the wave (early cutoff). By
   * name, because swapped inputs are another computation. With the format under which *this* stage reads the bytes.
   */
  readonly inputs: Readonly<Record<string, ArtifactFormat & { readonly digest: string }>>;
  /** A format raised by its author makes old artifacts unreadable to what follows. */
  readonly outputs: Readonly<Record<string, ArtifactFormat>>;
  /** The stage's code and all code of the project that it imports, comments and local names gone (source-digest.ts). */
  readonly sourceDigest: string;
  /** Code that is imported but not part of the project: another version may compute something else. */
  readonly packages: Readonly<Record<string, string>>;
  /** Facts about the machine that the stage declares to decide its result, e.g. which engine trains. */
  readonly environment: Readonly<Record<string, Json>>;
}

/** Takes the listed fields and nothing else that the objects may carry. */
export function fingerprintOf(fields: FingerprintFields): string {
  return digestValue({
    version: FINGERPRINT_VERSION,
    stage: fields.stage,
    params: fields.params,
    inputs: mapValues(fields.inputs, ({ kind, formatVersion, digest }) => ({ kind, formatVersion, digest })),
    outputs: mapValues(fields.outputs, ({ kind, formatVersion }) => ({ kind, formatVersion })),
    sourceDigest: fields.sourceDigest,
    packages: fields.packages,
    environment: fields.environment,
  });
}

/**
 * What executions have in common that differ in the params `free` only: those of which one may go on where another
 * has ended.
 */
export function familyOf(fields: FingerprintFields, free: readonly string[]): string {
  const params = Object.fromEntries(Object.entries(fields.params).filter(([name]) => !free.includes(name)));
  return digestValue({ family: fingerprintOf({ ...fields, params }), free: [...free].sort(byCodeUnit) });
}

const mapValues = <T, U>(record: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
