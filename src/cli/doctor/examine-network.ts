/** Can npm reach its registry? Asked of npm itself, so that proxies, mirrors and credentials are the user's own. */
import { execa } from "execa";
import type { Finding } from "./finding.ts";

export async function examineNetwork(projectRoot: string): Promise<Finding> {
  const { failed, stderr, timedOut } = await execa("npm", ["ping"], {
    cwd: projectRoot,
    reject: false,
    timeout: 20_000,
  });
  if (!failed) return { name: "registry", level: "ok", message: "npm reaches its registry" };
  const why = timedOut
    ? "no answer within 20 s"
    : (/npm (?:error|ERR!) (.+)/.exec(stderr)?.[1] ?? "npm ping failed");
  return {
    name: "registry",
    level: "fail",
    message: `npm does not reach its registry: ${why}`,
    hint: "check the network, or `npm config get registry` and the proxy settings",
  };
}
