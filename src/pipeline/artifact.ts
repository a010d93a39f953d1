/**
 * Artifact types: what stages hand to each other. An artifact is a directory of files; its type knows how to
 * open, create and validate the format. Nothing here knows where directories are kept.
 */
import type { JsonObject } from "../std/json.ts";

export interface ArtifactType<Kind extends string, Value, Writer> {
  /** Part of every fingerprint and of compile errors, e.g. `checkpoint/base`. */
  readonly kind: Kind;
  /** Raised when the files on disk change meaning; part of every fingerprint that reads or writes the type. */
  readonly formatVersion: number;
  /** Opens a finished artifact. Large ones are opened lazily: a reader, not the contents. */
  readonly open: (directory: string) => Promise<Value>;
  /** Prepares an empty directory for writing. */
  readonly create: (directory: string) => Promise<Writer>;
  /** Throws a PipelineError where the directory does not hold a whole artifact; the runner asks before it commits. */
  readonly validate: (directory: string) => Promise<void>;
}

export type AnyArtifact = ArtifactType<string, unknown, unknown>;
export type ArtifactMap = Readonly<Record<string, AnyArtifact>>;

export type KindOf<A> = A extends ArtifactType<infer Kind, unknown, unknown> ? Kind : never;
export type ValueOf<A> = A extends ArtifactType<string, infer Value, unknown> ? Value : never;
export type WriterOf<A> = A extends ArtifactType<string, unknown, infer Writer> ? Writer : never;

export const artifact = <const Kind extends string, Value, Writer>(
  type: ArtifactType<Kind, Value, Writer>,
): ArtifactType<Kind, Value, Writer> => type;

/** An input that takes any of several kinds with one way of opening them, e.g. any checkpoint. */
export function anyOf<Kind extends string, Value>(
  ...types: readonly [ArtifactType<Kind, Value, unknown>, ...ArtifactType<Kind, Value, unknown>[]]
): ArtifactType<Kind, Value, never> {
  const [first] = types;
  const kinds = types.map((type) => type.kind).join(" | ");
  return {
    kind: kinds as Kind,
    formatVersion: Math.max(...types.map((type) => type.formatVersion)),
    open: first.open,
    validate: first.validate,
    create: () => Promise.reject(new TypeError(`${kinds} can be read, not written`)),
  };
}

declare const writtenBrand: unique symbol;
/** Proof that a stage wrote an output; only an output slot makes one. */
export interface Written<Kind extends string> {
  readonly [writtenBrand]: Kind;
  /** Figures about the artifact, kept in lineage and shown to people. */
  readonly summary: JsonObject;
}

/** Where a stage writes one output. */
export interface OutputSlot<Kind extends string, Writer> {
  /** An empty directory of the runner's; it becomes the artifact when the stage returns. */
  readonly directory: string;
  /** The artifact type's writer for that directory. */
  readonly create: () => Promise<Writer>;
  /** Call when everything is on disk and return the result from `run`. */
  readonly written: (summary?: JsonObject) => Written<Kind>;
}
