/** A proxy that the environment names and that Node's `fetch` does not go through: what to do about it. */

const names = ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"];
/** Node 22.21 and 24.5 brought it; NODE_USE_ENV_PROXY=1 says the same. */
const flag = "--use-env-proxy";

export interface ProxyFacts {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether this Node can go through a proxy of the environment, and its flags. */
  readonly canUse: boolean;
  readonly flags: readonly string[];
}

const factsHere = (): ProxyFacts => ({
  env: process.env,
  canUse: process.allowedNodeEnvironmentFlags.has(flag),
  flags: process.execArgv,
});

/** One sentence; undefined where no proxy is named, or Node goes through it. */
export function unusedProxy({ env, canUse, flags }: ProxyFacts = factsHere()): string | undefined {
  const name = names.find((each) => (env[each] ?? "") !== "");
  if (name === undefined) return undefined;
  if (!canUse)
    return `${name} is set, and this Node's downloads do not go through it: use Node 22.21, 24.5 or later, with NODE_USE_ENV_PROXY=1.`;
  const isUsed =
    env["NODE_USE_ENV_PROXY"] === "1" || flags.includes(flag) || (env["NODE_OPTIONS"] ?? "").includes(flag);
  return isUsed
    ? undefined
    : `${name} is set, and Node's downloads go through it only with NODE_USE_ENV_PROXY=1 in the environment.`;
}
