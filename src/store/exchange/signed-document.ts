/**
 * A JSON document with its sender's key and signature. What is signed is the canonical encoding of its type, key and
 * content, so a signature fits no other type of document and no other key.
 */
import { z } from "zod";
import { PipelineError, userError } from "../../errors.ts";
import { canonicalEncode } from "../../hashing/canonical.ts";
import type { Json } from "../../std/json.ts";
import { invalidDocument, parseBoundedJson, stableJson } from "./bounded-json.ts";
import { isPublicKey, verifySignature, type SigningKey } from "./signing-key.ts";

export type DocumentType = "entry" | "archive";

/** Longer documents are refused unread. */
export const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;

/** Whose documents are believed. */
export interface Trust {
  readonly believes: (publicKey: string) => boolean;
}

/** `keys`: from settings and the command line. Throws `KEY_MALFORMED`. */
export function trustIn(keys: readonly string[]): Trust {
  const malformed = keys.find((key) => !isPublicKey(key));
  if (malformed !== undefined)
    throw userError(
      "KEY_MALFORMED",
      `${malformed} is no public key: one is ed25519: and 43 letters, digits, - and _`,
      "the sender's npx pipeline key shows it",
    );
  const believed = new Set(keys);
  return { believes: (publicKey) => believed.has(publicKey) };
}

const envelope = z.strictObject({
  type: z.string(),
  key: z.string().max(100),
  signature: z.string().max(200),
  content: z.json(),
});

const signedBytes = (type: DocumentType, key: string, content: Json): Uint8Array =>
  canonicalEncode(["minilm-pipeline", type, key, content]);

export function signDocument(type: DocumentType, content: Json, key: SigningKey): string {
  const signature = key.sign(signedBytes(type, key.publicKey, content));
  return stableJson({ type, key: key.publicKey, signature, content });
}

export interface BelievedDocument {
  /** Of whom it is. */
  readonly key: string;
  /** As it was signed; its shape is still to be checked. */
  readonly content: Json;
}

/**
 * `what` names the document in errors. Throws `DOCUMENT_INVALID`, `SIGNATURE_BROKEN`, `KEY_MISSING` and
 * `KEY_UNKNOWN`; only the last two could be mended by trusting somebody.
 */
export function readDocument(type: DocumentType, text: string, what: string, trust: Trust): BelievedDocument {
  const raw = parseBoundedJson(text, what);
  if (isUnsigned(raw))
    throw userError(
      "KEY_MISSING",
      `${what} is not signed, so nobody vouches for it`,
      "its sender makes a signed one with npx pipeline push or npx pipeline export-run",
    );
  const { data, error } = envelope.safeParse(raw);
  if (data === undefined) throw invalidDocument(what, z.prettifyError(error));
  if (data.type !== type) throw invalidDocument(what, `it is of type ${data.type} instead of ${type}`);
  if (!verifySignature(signedBytes(type, data.key, data.content), data.signature, data.key))
    throw new PipelineError({
      code: "SIGNATURE_BROKEN",
      message: `${what} does not fit its signature by ${printableKey(data.key)}: it was altered or damaged`,
      hint: "do not use it; ask its sender for a new one",
    });
  if (!trust.believes(data.key)) throw unknownKey(what, data.key);
  return { key: data.key, content: data.content };
}

const isUnsigned = (raw: Json): boolean =>
  typeof raw === "object" && raw !== null && !Array.isArray(raw) && !("key" in raw && "signature" in raw);

const printableKey = (key: string): string => (isPublicKey(key) ? key : "something that is no key");

const unknownKey = (what: string, key: string): PipelineError =>
  userError(
    "KEY_UNKNOWN",
    `${what} is signed by ${key}, whom this project does not trust`,
    `ask its sender whether that is the key of npx pipeline key; then --trust ${key} for once, or put it into trustedKeys of settings.yaml`,
  );
