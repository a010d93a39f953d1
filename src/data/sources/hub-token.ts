/** The Hub's access token, from where Hugging Face's own tools keep it. Its value is in no message. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { userError } from "../../errors.ts";

export interface HubToken {
  readonly value: string;
  /** Where it was found, for messages: `HF_TOKEN` or a path. */
  readonly origin: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * HF_TOKEN, or the file that `hf auth login` writes: HF_TOKEN_PATH, else `token` in HF_HOME, else in `huggingface` of
 * XDG_CACHE_HOME or ~/.cache (huggingface_hub, "Environment variables"). Throws HUB_TOKEN_INVALID for what cannot be one.
 */
export async function findHubToken(environment: Environment): Promise<HubToken | undefined> {
  const fromEnvironment = checked(environment.HF_TOKEN, "HF_TOKEN");
  if (fromEnvironment !== undefined) return fromEnvironment;
  const path = tokenPath(environment);
  return checked(await readFile(path, "utf8").catch(() => undefined), path);
}

function tokenPath({ HF_TOKEN_PATH, HF_HOME, XDG_CACHE_HOME, HOME }: Environment): string {
  if (HF_TOKEN_PATH) return HF_TOKEN_PATH;
  const home = HF_HOME || join(XDG_CACHE_HOME || join(HOME || homedir(), ".cache"), "huggingface"); // set but empty is not set
  return join(home, "token");
}

function checked(text: string | undefined, origin: string): HubToken | undefined {
  const value = text?.trim() ?? "";
  if (value === "") return undefined;
  if (/^[\x21-\x7e]+$/u.test(value)) return { value, origin };
  throw userError(
    "HUB_TOKEN_INVALID",
    `${origin} holds no access token: one is a single word of plain characters.`,
    "Make a read token at https://huggingface.co/settings/tokens and set HF_TOKEN, or run: hf auth login",
  );
}
