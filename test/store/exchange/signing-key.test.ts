import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadSigningKey, signingKeyFile, verifySignature } from "../../../src/store/exchange/signing-key.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "key-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const load = () => loadSigningKey({ XDG_CONFIG_HOME: directory });
const file = () => signingKeyFile({ XDG_CONFIG_HOME: directory });

test("the key is made on first use, for its owner only, and is the same ever after", async () => {
  const first = await load();
  expect(first.publicKey).toMatch(/^ed25519:[\w-]{43}$/);
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  expect((await load()).publicKey).toBe(first.publicKey);
  expect(readdirSync(dirname(file()))).toEqual(["signing-key.pem"]);
});

test("two that make the first key at once have one", async () => {
  const keys = await Promise.all([load(), load(), load(), load()]);
  expect(new Set(keys.map(({ publicKey }) => publicKey)).size).toBe(1);
});

test("a key that others can read is refused, with the command that mends it", async () => {
  await load();
  chmodSync(file(), 0o644);
  await expect(load()).rejects.toMatchObject({ code: "KEY_EXPOSED", hint: `chmod 600 ${file()}` });
});

test("a file that holds no key is not replaced, and not quoted", async () => {
  await load();
  writeFileSync(file(), "something secret");
  const error: unknown = await load().catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: "KEY_UNREADABLE" });
  expect(String(error)).not.toContain("secret");
  expect(existsSync(file())).toBe(true);
});

test("without XDG_CONFIG_HOME it lies below ~/.config", () => {
  expect(signingKeyFile({ HOME: "/home/me" })).toBe("/home/me/.config/minilm-pipeline/signing-key.pem");
});

test("a signature holds for its bytes and its key only", async () => {
  const key = await load();
  const bytes = Buffer.from("content");
  const signature = key.sign(bytes);
  expect(verifySignature(bytes, signature, key.publicKey)).toBe(true);
  expect(verifySignature(Buffer.from("Content"), signature, key.publicKey)).toBe(false);
  expect(verifySignature(bytes, "", key.publicKey)).toBe(false);
  expect(verifySignature(bytes, signature, "ed25519:short")).toBe(false);
});
