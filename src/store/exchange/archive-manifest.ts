/** The first file of an archive: what else is in it, and the run it is about, signed as a whole. */
import { z } from "zod";
import type { Json } from "../../std/json.ts";
import type { RunRecord } from "../records.ts";
import type { BlobName } from "./blob.ts";
import { invalidDocument } from "./bounded-json.ts";
import { durationSchema, nameSchema, namesSchema, runIdSchema, sha256Schema, timeSchema } from "./entry.ts";
import { readDocument, signDocument, type Trust } from "./signed-document.ts";
import type { SigningKey } from "./signing-key.ts";

export const MANIFEST_NAME = "manifest.json";
export const entryName = (fingerprint: string): string => `entries/${fingerprint}.json`;
export const blobName = (sha256: string): string => `blobs/${sha256}`;

const ARCHIVE_VERSION = 1;
const outcomes = ["hit", "executed", "failed", "interrupted", "skipped"] as const;

type PortableRun = Omit<RunRecord, "origin">;

const runShape = {
  runId: runIdSchema,
  pipeline: nameSchema,
  config: nameSchema,
  targets: z.array(nameSchema).max(10_000),
  startedAt: timeSchema,
  durationMs: durationSchema,
  status: z.enum(["succeeded", "failed", "interrupted"]),
  executed: z.int().min(0),
  hits: z.int().min(0),
  stages: namesSchema(z.strictObject({ outcome: z.enum(outcomes), fingerprint: sha256Schema.nullable() })),
} satisfies Record<keyof PortableRun, z.ZodType>;

const manifestSchema = z.strictObject({
  formatVersion: z.literal(ARCHIVE_VERSION),
  run: z.strictObject(runShape).nullable(),
  /** In the order of the archive; what others were made from first. */
  entries: z
    .array(
      z.strictObject({
        fingerprint: sha256Schema,
        /** Of the entry's text. */
        sha256: sha256Schema,
        /** Otherwise its files were left out. */
        withFiles: z.boolean(),
      }),
    )
    .max(100_000),
  blobs: z.array(z.strictObject({ sha256: sha256Schema, sizeBytes: z.int().min(0) })).max(10_000_000),
});

export interface ArchiveManifest {
  readonly run: PortableRun | null;
  readonly entries: readonly {
    readonly fingerprint: string;
    readonly sha256: string;
    readonly withFiles: boolean;
  }[];
  readonly blobs: readonly BlobName[];
}

export function encodeManifest(manifest: ArchiveManifest, key: SigningKey): string {
  const content = { formatVersion: ARCHIVE_VERSION, ...manifest };
  return signDocument("archive", JSON.parse(JSON.stringify(content)) as Json, key);
}

/** Throws what `readDocument` throws. */
export function decodeManifest(
  text: string,
  what: string,
  trust: Trust,
): ArchiveManifest & { readonly key: string } {
  const { key, content } = readDocument("archive", text, what, trust);
  const { data, error } = manifestSchema.safeParse(content);
  if (data === undefined) throw invalidDocument(what, z.prettifyError(error));
  return { ...data, key };
}
