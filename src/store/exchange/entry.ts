/**
 * An entry: one execution with the file lists of its outputs, as it crosses machines. Made from the store's records
 * without what is true of one machine only, and read back with every claim checked that can be.
 */
import { z } from "zod";
import { PipelineError } from "../../errors.ts";
import { FINGERPRINT_VERSION, fingerprintOf } from "../../hashing/fingerprint.ts";
import { treeDigest, type TreeFile } from "../../hashing/tree.ts";
import type { Json } from "../../std/json.ts";
import type { ExecutionRecord, ObjectRecord } from "../records.ts";
import { invalidDocument } from "./bounded-json.ts";
import { isSafeName, isSafePath } from "./safe-text.ts";
import { readDocument, signDocument, type Trust } from "./signed-document.ts";
import type { SigningKey } from "./signing-key.ts";

/** S3 holds no larger object. */
const MAX_FILE_BYTES = 5 * 1024 ** 4;
const MAX_FILES = 200_000;
const MAX_NAMES = 10_000;

/** Where the log was, how the execution came here and whether its files still are here is true of one machine only. */
type LocalField = "logFile" | "origin" | "evictedAt";

export type PortableExecution = Omit<ExecutionRecord, LocalField>;

/** What the files of an output are, without what the sender's disk says of them. */
export interface PortableObject {
  readonly digest: string;
  readonly sizeBytes: number;
  readonly files: readonly TreeFile[];
}

export interface Entry {
  readonly execution: PortableExecution;
  /** One for each distinct output; none where only the record is passed on, for lineage. */
  readonly objects: readonly PortableObject[];
}

/** Otherwise only its record is passed on. */
export const listsFiles = ({ execution, objects }: Entry): boolean =>
  objects.length > 0 || Object.keys(execution.outputs).length === 0;

export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);
export const nameSchema = z.string().refine(isSafeName, "no name");
export const timeSchema = z.iso.datetime();
/** Part of paths below cache/logs. */
export const runIdSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,99}$/);
export const durationSchema = z.number().min(0).max(1e13);
export const namesSchema = <Value extends z.ZodType>(value: Value) =>
  z
    .record(nameSchema, value)
    .refine((record) => Object.keys(record).length <= MAX_NAMES, `more than ${MAX_NAMES} names`);
const jsonObjectSchema = z.record(z.string(), z.json());
const sizeSchema = z.int().min(0).max(MAX_FILE_BYTES);
const formatShape = { kind: nameSchema, formatVersion: z.int() };

// A new field of ExecutionRecord does not compile until it is decided here whether it crosses machines.
const executionShape = {
  fingerprint: sha256Schema,
  fingerprintVersion: z.int(),
  stageId: nameSchema,
  stageName: nameSchema,
  params: jsonObjectSchema,
  runtimeParams: jsonObjectSchema,
  inputs: namesSchema(
    z.strictObject({
      digest: sha256Schema,
      ...formatShape,
      stageId: nameSchema,
      output: nameSchema,
      producer: sha256Schema,
    }),
  ),
  outputs: namesSchema(
    z.strictObject({
      digest: sha256Schema,
      ...formatShape,
      sizeBytes: sizeSchema,
      summary: jsonObjectSchema,
    }),
  ),
  source: z.strictObject({ digest: z.string().max(200), files: namesSchema(z.string().max(200)) }),
  packages: namesSchema(z.string().max(200)),
  environment: namesSchema(z.json()),
  runId: runIdSchema,
  startedAt: timeSchema,
  durationMs: durationSchema,
  resumedFrom: z.array(z.number()).max(1_000_000),
  retries: z.exactOptional(z.int().positive()),
  extended: z.exactOptional(z.strictObject({ fingerprint: sha256Schema, step: z.number() })),
  family: z.exactOptional(sha256Schema),
  remarks: z.exactOptional(z.array(z.strictObject({ step: z.number(), text: nameSchema })).max(MAX_NAMES)),
  acceptedFrom: z.exactOptional(
    z.strictObject({
      fingerprint: sha256Schema,
      at: timeSchema,
      changes: z.array(nameSchema).max(MAX_NAMES),
    }),
  ),
} satisfies Record<keyof PortableExecution, z.ZodType>;

const entrySchema = z.strictObject({
  execution: z.strictObject(executionShape),
  objects: z.array(
    z.strictObject({
      digest: sha256Schema,
      sizeBytes: sizeSchema,
      files: z
        .array(
          z.strictObject({
            path: z.string().refine(isSafePath, "not a path below its artifact"),
            sizeBytes: sizeSchema,
            sha256: sha256Schema,
          }),
        )
        .max(MAX_FILES),
    }),
  ),
});

/**
 * The signed text of an entry; `objects`: those of all outputs, or none for lineage alone. Throws `DOCUMENT_INVALID`
 * where another machine could not take it.
 */
export function encodeEntry(
  execution: ExecutionRecord,
  objects: readonly ObjectRecord[],
  key: SigningKey,
): string {
  const { logFile: _log, origin: _origin, evictedAt: _evicted, ...portable } = execution;
  const content = {
    execution: portable,
    objects: objects.map(({ digest, sizeBytes, files }) => ({
      digest,
      sizeBytes,
      files: files.map(({ path, sizeBytes: size, sha256 }) => ({ path, sizeBytes: size, sha256 })),
    })),
  };
  const plain = JSON.parse(JSON.stringify(content)) as Json;
  checkEntry(plain, `the execution of ${execution.stageId}`);
  return signDocument("entry", plain, key);
}

/** `what` names the entry in errors. Throws what `readDocument` throws, and `ENTRY_INCONSISTENT`. */
export function decodeEntry(text: string, what: string, trust: Trust): Entry & { readonly key: string } {
  const { key, content } = readDocument("entry", text, what, trust);
  return { ...checkEntry(content, what), key };
}

/** A record is believed only as far as its own parts prove it. */
function checkEntry(content: Json, what: string): Entry {
  const { data, error } = entrySchema.safeParse(content);
  if (data === undefined) throw invalidDocument(what, z.prettifyError(error));
  const { execution, objects } = data;
  if (execution.fingerprintVersion !== FINGERPRINT_VERSION)
    throw invalidDocument(
      what,
      `its fingerprint is of version ${execution.fingerprintVersion} instead of ${FINGERPRINT_VERSION}`,
    );
  const { stageName: stage, params, inputs, outputs, source, packages, environment } = execution;
  const recipe = { stage, params, inputs, outputs, sourceDigest: source.digest, packages, environment };
  if (fingerprintOf(recipe) !== execution.fingerprint)
    throw inconsistent(what, `its fields do not give its fingerprint ${execution.fingerprint}`);
  const byDigest = new Map(objects.map((object) => [object.digest, object]));
  if (objects.length === 0) return data;
  for (const object of objects) checkObject(object, what);
  for (const [name, { digest, sizeBytes }] of Object.entries(outputs))
    if (byDigest.get(digest)?.sizeBytes !== sizeBytes)
      throw inconsistent(what, `it does not list the files of its output ${name} with their size`);
  const made = new Set(Object.values(outputs).map(({ digest }) => digest));
  if (made.size !== objects.length) throw inconsistent(what, "it lists files that are no output of it");
  return data;
}

function checkObject({ digest, sizeBytes, files }: PortableObject, what: string): void {
  if (treeDigest(files) !== digest) throw inconsistent(what, `its file list does not give digest ${digest}`);
  if (files.reduce((sum, file) => sum + file.sizeBytes, 0) !== sizeBytes)
    throw inconsistent(what, `the sizes of its files do not add up to those of ${digest}`);
  const paths = new Set(files.map(({ path }) => path));
  if (paths.size !== files.length) throw inconsistent(what, "it lists a file twice");
  for (const path of paths)
    for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1))
      if (paths.has(path.slice(0, end))) throw inconsistent(what, `${path} lies below a file`);
}

const inconsistent = (what: string, why: string): PipelineError =>
  new PipelineError({
    code: "ENTRY_INCONSISTENT",
    message: `${what} contradicts itself: ${why}`,
    hint: "do not use it; its sender's npx pipeline check --deep tells whether the original is whole",
  });
