/** A hub's access token, from where its own tools keep it. Its value is in no message. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { userError } from "../../errors.ts";

export interface HubToken {
  readonly value: string;
  /** Where it was found, for messages: `HF_TOKEN`, or a path and the variable that names it. */
  readonly origin: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface TokenFile {
  readonly path: string;
  /** Of the environment, where one decided the path. */
  readonly namedBy?: string | undefined;
}

/** Where a hub's tools keep the token. */
export interface TokenPlace {
  /** Of the environment; it comes first. */
  readonly variable: string;
  readonly file: (environment: Environment) => TokenFile;
  /** How to get one. */
  readonly hint: string;
}

/**
 * HF_TOKEN, or the file that `hf auth login` writes: HF_TOKEN_PATH, else `token` in HF_HOME, else in `huggingface` of
 * XDG_CACHE_HOME or ~/.cache (huggingface_hub, "Environment variables").
 */
export const HUGGING_FACE_TOKEN: TokenPlace = {
  variable: "HF_TOKEN",
  file: ({ HF_TOKEN_PATH, HF_HOME, XDG_CACHE_HOME, HOME }) => {
    // Set but empty is not set.
    if (HF_TOKEN_PATH) return { path: HF_TOKEN_PATH, namedBy: "HF_TOKEN_PATH" };
    if (HF_HOME) return { path: join(HF_HOME, "token"), namedBy: "HF_HOME" };
    return { path: join(XDG_CACHE_HOME || join(HOME || homedir(), ".cache"), "huggingface", "token") };
  },
  hint: "Make a read token at https://huggingface.co/settings/tokens and set HF_TOKEN, or run: hf auth login",
};

/** MODELSCOPE_API_TOKEN, or `token` in MODELSCOPE_HOME or ~/.modelscope (modelscope_hub, `HubConfig`). */
export const MODELSCOPE_TOKEN: TokenPlace = {
  variable: "MODELSCOPE_API_TOKEN",
  file: ({ MODELSCOPE_HOME, HOME }) =>
    MODELSCOPE_HOME
      ? { path: join(MODELSCOPE_HOME, "token"), namedBy: "MODELSCOPE_HOME" }
      : { path: join(HOME || homedir(), ".modelscope", "token") },
  hint: "Make a token at https://modelscope.cn/my/myaccesstoken and set MODELSCOPE_API_TOKEN.",
};

/** Undefined where there is none. Throws HUB_TOKEN_INVALID for what cannot be one. */
export async function findHubToken(
  place: TokenPlace,
  environment: Environment,
): Promise<HubToken | undefined> {
  const fromEnvironment = checked(environment[place.variable], place.variable, place);
  if (fromEnvironment !== undefined) return fromEnvironment;
  const { path, namedBy } = place.file(environment);
  const origin = namedBy === undefined ? path : `${path} (${namedBy})`;
  return checked(await readFile(path, "utf8").catch(() => undefined), origin, place);
}

function checked(text: string | undefined, origin: string, { hint }: TokenPlace): HubToken | undefined {
  const value = text?.trim() ?? "";
  if (value === "") return undefined;
  if (/^[\x21-\x7e]+$/u.test(value)) return { value, origin };
  throw userError(
    "HUB_TOKEN_INVALID",
    `${origin} holds no access token: one is a single word of plain characters.`,
    hint,
  );
}
