/**
 * This user's ed25519 key (RFC 8032), made on first use in the user's config folder. What is exported or pushed is
 * signed with it. Its private half is read here, used here, and shown nowhere.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  sign,
  verify,
} from "node:crypto";
import type { KeyObject } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { link, mkdir, open, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { PipelineError, userError } from "../../errors.ts";
import { syncDirectory } from "../durable.ts";

const PREFIX = "ed25519:";
/** `ed25519:` and 32 bytes as base64url. */
const PUBLIC_KEY = /^ed25519:[A-Za-z0-9_-]{43}$/;

export interface SigningKey {
  /** `ed25519:…`, as others write it into their settings. */
  readonly publicKey: string;
  /** Base64url of the 64 bytes. */
  readonly sign: (bytes: Uint8Array) => string;
}

type Environment = Readonly<Record<string, string | undefined>>;

export function signingKeyFile(env: Environment): string {
  const { XDG_CONFIG_HOME: config = "", HOME: home = homedir() } = env;
  return join(config === "" ? join(home, ".config") : config, "minilm-pipeline", "signing-key.pem");
}

/** Throws `KEY_UNREADABLE` and `KEY_EXPOSED`. */
export async function loadSigningKey(env: Environment): Promise<SigningKey> {
  const file = signingKeyFile(env);
  if (!existsSync(file)) await makeKey(file);
  if (process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0)
    throw userError("KEY_EXPOSED", `${file} can be read by others than you`, `chmod 600 ${file}`);
  const privateKey = readKey(file);
  return {
    publicKey: publicKeyOf(privateKey),
    sign: (bytes) => sign(null, bytes, privateKey).toString("base64url"),
  };
}

/** Whole or not at all, and where two make one at once, both use the first. */
async function makeKey(file: string): Promise<void> {
  const directory = dirname(file);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = `${file}.${randomUUID()}`;
  const { privateKey } = generateKeyPairSync("ed25519");
  try {
    const handle = await open(temporary, "wx", 0o600);
    try {
      await handle.writeFile(privateKey.export({ type: "pkcs8", format: "pem" }));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await link(temporary, file).catch((error: unknown) => {
      if (!existsSync(file)) throw error;
    });
    await syncDirectory(directory);
  } finally {
    await rm(temporary, { force: true });
  }
}

function readKey(file: string): KeyObject {
  let why: string;
  try {
    const key = createPrivateKey(readFileSync(file));
    if (key.asymmetricKeyType === "ed25519") return key;
    why = "it holds another kind of key";
  } catch {
    why = "it holds no key that can be read"; // the cause may quote the file
  }
  throw new PipelineError({
    code: "KEY_UNREADABLE",
    message: `${file} is not this user's signing key: ${why}`,
    hint: "move the file away, and a new key is made; whoever trusted the old one must be told the new one",
  });
}

function publicKeyOf(privateKey: KeyObject): string {
  const { x } = createPublicKey(privateKey).export({ format: "jwk" });
  return `${PREFIX}${x ?? ""}`;
}

export const isPublicKey = (text: string): boolean => PUBLIC_KEY.test(text);

/** False also for keys and signatures that are none. */
export function verifySignature(bytes: Uint8Array, signature: string, publicKey: string): boolean {
  if (!isPublicKey(publicKey)) return false;
  try {
    const jwk = { kty: "OKP", crv: "Ed25519", x: publicKey.slice(PREFIX.length) };
    const key = createPublicKey({ key: jwk, format: "jwk" });
    return verify(null, bytes, key, Buffer.from(signature, "base64url"));
  } catch {
    return false; // 32 bytes that are no point of the curve
  }
}
