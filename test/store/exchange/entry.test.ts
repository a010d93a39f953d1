import { generateKeyPairSync, sign } from "node:crypto";
import { expect, test } from "vitest";
import { canonicalEncode } from "../../../src/hashing/canonical.ts";
import { digestValue } from "../../../src/hashing/digest.ts";
import { FINGERPRINT_VERSION, fingerprintOf } from "../../../src/hashing/fingerprint.ts";
import { treeDigest, type TreeFile } from "../../../src/hashing/tree.ts";
import type { Json } from "../../../src/std/json.ts";
import { decodeEntry, encodeEntry } from "../../../src/store/exchange/entry.ts";
import { signDocument, trustIn } from "../../../src/store/exchange/signed-document.ts";
import type { SigningKey } from "../../../src/store/exchange/signing-key.ts";
import type { ExecutionRecord, ObjectRecord } from "../../../src/store/records.ts";

function makeKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    publicKey: `ed25519:${publicKey.export({ format: "jwk" }).x ?? ""}`,
    sign: (bytes) => sign(null, bytes, privateKey).toString("base64url"),
  };
}

const key = makeKey();
const trust = trustIn([key.publicKey]);

const FILES: readonly TreeFile[] = [
  { path: "a.txt", sizeBytes: 3, sha256: digestValue("a") },
  { path: "sub/b.txt", sizeBytes: 4, sha256: digestValue("b") },
];

function records(files = FILES): { execution: ExecutionRecord; object: ObjectRecord } {
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const object = {
    digest: treeDigest(files),
    sizeBytes,
    files: files.map((file) => ({ ...file, stat: "1:2:3" })),
  };
  const recipe = {
    params: { rate: 0.5 },
    inputs: {},
    outputs: { out: { digest: object.digest, kind: "k", formatVersion: 1, sizeBytes, summary: {} } },
    packages: { zod: "4" },
    environment: { engine: "none" },
  };
  const execution: ExecutionRecord = {
    ...recipe,
    fingerprint: fingerprintOf({ ...recipe, stage: "make", sourceDigest: "s" }),
    fingerprintVersion: FINGERPRINT_VERSION,
    stageId: "make",
    stageName: "make",
    runtimeParams: {},
    source: { digest: "s", files: {} },
    runId: "20260101T000000Z-abc",
    startedAt: "2026-01-01T00:00:00.000Z",
    durationMs: 1,
    resumedFrom: [2],
    remarks: [{ step: 2, text: "gone on" }],
    logFile: "cache/logs/x.jsonl",
    origin: { key: key.publicKey, at: "2026-01-02T00:00:00.000Z", from: "elsewhere" },
  };
  return { execution, object };
}

const encoded = (signer = key): string => {
  const { execution, object } = records();
  return encodeEntry(execution, [object], signer);
};

type Mutable = { [key: string]: Mutable } & { [index: number]: Mutable };

/** The content changed and signed again: what a sender that lies would write. */
function lying(change: (content: Mutable) => void, signer = key): string {
  const { content } = JSON.parse(encoded()) as { content: Mutable };
  change(content);
  return signDocument("entry", content, signer);
}

const decode = (text: string) => decodeEntry(text, "the entry", trust);
const set = (object: Mutable | undefined, name: string | number, value: unknown): void => {
  Object.assign(object ?? {}, { [name]: value });
};

test("an entry comes back as it was, without what is true of one machine only", () => {
  const { key: signer, execution, objects } = decode(encoded());
  const { logFile: _log, origin: _origin, ...portable } = records().execution;
  expect(signer).toBe(key.publicKey);
  expect(execution).toEqual(portable);
  expect(objects).toEqual([{ digest: treeDigest(FILES), sizeBytes: 7, files: FILES }]);
});

test("equal entries are equal bytes under one key", () => {
  expect(encoded()).toBe(encoded());
});

test("an entry by an unknown key is refused, naming the key and how to trust it", () => {
  const stranger = makeKey();
  expect(() => decode(encoded(stranger))).toThrow(
    expect.objectContaining({
      code: "KEY_UNKNOWN",
      kind: "user",
      message: expect.stringContaining(stranger.publicKey) as string,
      hint: expect.stringMatching(/--trust ed25519:.*trustedKeys of settings\.yaml/) as string,
    }),
  );
});

test("an entry without a key or a signature is refused", () => {
  const { signature: _signature, ...unsigned } = JSON.parse(encoded()) as Record<string, Json>;
  expect(() => decode(JSON.stringify(unsigned))).toThrow(expect.objectContaining({ code: "KEY_MISSING" }));
});

test("a field altered after signing breaks the signature, whoever is trusted", () => {
  const text = encoded().replace('"rate":0.5', '"rate":0.6');
  expect(() => decode(text)).toThrow(expect.objectContaining({ code: "SIGNATURE_BROKEN" }));
});

test("another's signature does not become one's own by putting one's key beside it", () => {
  const entry = JSON.parse(encoded(makeKey())) as Record<string, Json>;
  const text = JSON.stringify({ ...entry, key: key.publicKey });
  expect(() => decode(text)).toThrow(expect.objectContaining({ code: "SIGNATURE_BROKEN" }));
});

test("a signature over an archive's manifest is none over an entry", () => {
  const { content } = JSON.parse(encoded()) as { content: Json };
  const text = signDocument("archive", content, key);
  expect(() => decode(text)).toThrow(expect.objectContaining({ code: "DOCUMENT_INVALID" }));
  const renamed = text.replace('"type":"archive"', '"type":"entry"');
  expect(() => decode(renamed)).toThrow(expect.objectContaining({ code: "SIGNATURE_BROKEN" }));
});

test("a key of small order, which would verify anything, is refused unless somebody trusts it", () => {
  const weak = `ed25519:${Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]).toString("base64url")}`;
  const signature = Buffer.concat([Buffer.from([1]), Buffer.alloc(63)]).toString("base64url");
  const { content } = JSON.parse(encoded()) as { content: Json };
  const text = JSON.stringify({ type: "entry", key: weak, signature, content });
  expect(() => decode(text)).toThrow(/does not fit its signature|does not trust/);
});

test.each([
  ["params", (content: Mutable) => set(content["execution"], "params", { rate: 0.6 })],
  ["stage name", (content: Mutable) => set(content["execution"], "stageName", "other")],
  ["source", (content: Mutable) => set(content["execution"]?.["source"], "digest", "t")],
  ["environment", (content: Mutable) => set(content["execution"], "environment", {})],
  ["fingerprint itself", (content: Mutable) => set(content["execution"], "fingerprint", "0".repeat(64))],
])("a record whose %s does not give its fingerprint is refused even when signed", (_what, change) => {
  expect(() => decode(lying(change))).toThrow(
    expect.objectContaining({
      code: "ENTRY_INCONSISTENT",
      message: expect.stringContaining("fingerprint") as string,
    }),
  );
});

test.each([
  [
    "a file's digest",
    (content: Mutable) => set(content["objects"]?.[0]?.["files"]?.[0], "sha256", "1".repeat(64)),
  ],
  ["a file's size", (content: Mutable) => set(content["objects"]?.[0]?.["files"]?.[0], "sizeBytes", 4)],
  ["the artifact's size", (content: Mutable) => set(content["objects"]?.[0], "sizeBytes", 8)],
  [
    "the output's size",
    (content: Mutable) => set(content["execution"]?.["outputs"]?.["out"], "sizeBytes", 8),
  ],
])("%s that does not fit the rest is refused even when signed", (_what, change) => {
  expect(() => decode(lying(change))).toThrow(expect.objectContaining({ code: "ENTRY_INCONSISTENT" }));
});

test.each([
  "../escape",
  "a/../../escape",
  "/etc/passwd",
  "a//b",
  "./a",
  "a/",
  "",
  "C:\\boot",
  "c:/boot",
  "a\\..\\b",
  "a\u0000b",
  "a\u001b[2Jb",
  "x".repeat(256),
  `${"d/".repeat(600)}x`,
])("the path %j is refused even when all digests fit it", (path) => {
  const files = [{ path, sizeBytes: 3, sha256: digestValue("a") }];
  const { execution, object } = records(files);
  expect(() => encodeEntry(execution, [object], key)).toThrow(
    expect.objectContaining({ code: "DOCUMENT_INVALID" }),
  );
});

test.each([
  ["twice", ["a", "a"]],
  ["below another file", ["a", "a/b"]],
])("a file that is listed %s is refused", (_what, paths) => {
  const files = paths.map((path) => ({ path, sizeBytes: 3, sha256: digestValue("a") }));
  const { execution, object } = records(files);
  expect(() => encodeEntry(execution, [object], key)).toThrow(
    expect.objectContaining({ code: "ENTRY_INCONSISTENT" }),
  );
});

test.each([
  [
    "a size beyond any disk",
    (content: Mutable) => set(content["objects"]?.[0]?.["files"]?.[0], "sizeBytes", 2 ** 52),
  ],
  ["a negative size", (content: Mutable) => set(content["objects"]?.[0]?.["files"]?.[0], "sizeBytes", -1)],
  ["a broken size", (content: Mutable) => set(content["objects"]?.[0]?.["files"]?.[0], "sizeBytes", 0.5)],
  ["a field that nobody knows", (content: Mutable) => set(content["execution"], "also", 1)],
  ["a run id that is a path", (content: Mutable) => set(content["execution"], "runId", "../../x")],
  [
    "a stage id that moves the cursor",
    (content: Mutable) => set(content["execution"], "stageId", "\u001b[1A"),
  ],
  ["a time that is none", (content: Mutable) => set(content["execution"], "startedAt", "yesterday")],
  [
    "another version of fingerprints",
    (content: Mutable) => set(content["execution"], "fingerprintVersion", 99),
  ],
])("%s is refused even when signed", (_what, change) => {
  expect(() => decode(lying(change))).toThrow(expect.objectContaining({ code: "DOCUMENT_INVALID" }));
});

test.each([
  ["deep nesting", `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
  ["a prototype", '{"__proto__": {"x": 1}, "key": "", "signature": ""}'],
  ["no JSON", '{"a":'],
  ["an empty text", ""],
])("%s is refused before anything looks at it", (_what, text) => {
  expect(() => decode(text)).toThrow(expect.objectContaining({ code: "DOCUMENT_INVALID" }));
});

test("a document that is no object is refused", () => {
  for (const text of ["[]", "1", "null", '"x"'])
    expect(() => decode(text)).toThrow(expect.objectContaining({ code: "DOCUMENT_INVALID" }));
});

test("what is no public key cannot be trusted", () => {
  expect(() => trustIn(["ssh-ed25519 AAAA"])).toThrow(
    expect.objectContaining({ code: "KEY_MALFORMED", kind: "user" }),
  );
});

test("the signature is over canonical bytes, so the order of keys in the text does not matter", () => {
  const { type, key: signer, signature, content } = JSON.parse(encoded()) as Record<string, Json>;
  const text = JSON.stringify({ content, signature, key: signer, type });
  expect(decode(text).execution.stageId).toBe("make");
  expect(canonicalEncode({ a: 1, b: 2 })).toEqual(canonicalEncode({ b: 2, a: 1 }));
});
