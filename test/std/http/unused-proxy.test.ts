import { afterEach, expect, test, vi } from "vitest";
import { TransientError, withRetries } from "../../../src/std/http/http-retry.ts";
import { unusedProxy } from "../../../src/std/http/unused-proxy.ts";

afterEach(() => vi.unstubAllEnvs());

const proxy = { HTTPS_PROXY: "http://proxy:3128" };
const told = (env: Record<string, string>, canUse: boolean, flags: string[] = []) =>
  unusedProxy({ env, canUse, flags });

test("without a proxy there is nothing to say", () => {
  expect(told({}, false)).toBeUndefined();
  expect(told({ HTTPS_PROXY: "" }, true)).toBeUndefined();
});

test("a Node that knows no proxies is named, with those that do", () => {
  expect(told(proxy, false)).toBe(
    "HTTPS_PROXY is set, and this Node's downloads do not go through it: use Node 22.21, 24.5 or later, with NODE_USE_ENV_PROXY=1.",
  );
});

test("a Node that could and was not told to is told how", () => {
  expect(told({ http_proxy: "http://proxy" }, true)).toMatch(/^http_proxy is set.* NODE_USE_ENV_PROXY=1/);
  expect(told({ ...proxy, NODE_USE_ENV_PROXY: "1" }, true)).toBeUndefined();
  expect(told({ ...proxy, NODE_OPTIONS: "--use-env-proxy" }, true)).toBeUndefined();
  expect(told(proxy, true, ["--use-env-proxy"])).toBeUndefined();
});

test("what could not be fetched while a proxy is left aside says so", async () => {
  for (const name of ["https_proxy", "http_proxy", "HTTP_PROXY", "NODE_USE_ENV_PROXY", "NODE_OPTIONS"])
    vi.stubEnv(name, "");
  const failing = () =>
    withRetries(() => Promise.reject(new TransientError("no route")), { what: "file", retries: 0 });
  vi.stubEnv("HTTPS_PROXY", "");
  await expect(failing()).rejects.toMatchObject({
    hint: expect.not.stringContaining("HTTPS_PROXY") as string,
  });
  vi.stubEnv("HTTPS_PROXY", "http://proxy:3128");
  await expect(failing()).rejects.toMatchObject({
    code: "NETWORK_UNAVAILABLE",
    hint: expect.stringMatching(/^HTTPS_PROXY is set.*NODE_USE_ENV_PROXY=1.* Check the network/u) as string,
  });
});
