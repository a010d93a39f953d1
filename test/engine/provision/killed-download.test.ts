/** The command itself, killed while it downloads: what it had fetched is gone on with. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { findBindingPackage } from "../../../src/engine/provision/binding-package.ts";
import { platformName } from "../../../src/engine/provision/engine-build.ts";
import { findBuild } from "../../../src/engine/provision/installed-builds.ts";
import { CUDA_WHEEL_PINS } from "../../../src/engine/provision/wheels/wheel-pins.ts";
import { startServer } from "../../data/sources/http-server.ts";
import { temporaryDirectory } from "../../data/sources/temporary-directory.ts";
import { skipWithoutPython, withPython } from "./wheels/fake-wheels.ts";

const packageRoot = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const pin = CUDA_WHEEL_PINS[platformName()];
const FIRST_BYTES = 300_000;
const bindingPackage = findBindingPackage();
// What the package's own installer fetched is for GPUs: where it is linked, nothing else is missed.
const isThere = bindingPackage !== undefined && findBuild(bindingPackage)?.record.way === "package-installer";

function install(cache: string, index: string) {
  const child = spawn(
    process.execPath,
    [join(packageRoot, "bin/pipeline.js"), "engine", "install", "--gpu"],
    {
      env: {
        ...process.env,
        XDG_CACHE_HOME: cache,
        PIP_INDEX_URL: index,
        CDN_STORAGE: "http://127.0.0.1:9/",
        PIPELINE_ENGINE: "",
      },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  return { child, said: () => said };
}

describe.skipIf(pin === undefined || isThere || skipWithoutPython)(withPython("engine install --gpu"), () => {
  test("killed in the middle of a download, it goes on from the byte where it was", async () => {
    if (pin === undefined) throw new Error("checked above");
    const bytes = 500_000_000;
    let killed: () => void = () => undefined;
    const server = await startServer((request, response) => {
      if (request.url === `/simple/${pin.project}/`) {
        const file = { filename: pin.file, url: "/file", hashes: { sha256: pin.sha256 }, size: bytes };
        response
          .writeHead(200, { "content-type": "application/vnd.pypi.simple.v1+json" })
          .end(JSON.stringify({ files: [file] }));
      } else if (request.headers.range?.startsWith("bytes=0-") === true) {
        const headers = {
          etag: '"v1"',
          "content-length": bytes,
          "content-range": `bytes 0-${bytes - 1}/${bytes}`,
        };
        // The rest never comes; some time after the first bytes the process dies.
        response.writeHead(206, headers).write(Buffer.alloc(FIRST_BYTES), () => setTimeout(killed, 500));
      } else response.writeHead(403).end();
    });
    onTestFinished(() => server[Symbol.asyncDispose]());
    const cache = await temporaryDirectory();
    const first = install(cache, `${server.url}/simple`);
    killed = () => first.child.kill("SIGKILL");
    expect(await once(first.child, "exit")).toEqual([null, "SIGKILL"]);

    const second = install(cache, `${server.url}/simple`);
    expect(await once(second.child, "close")).toEqual([1, null]);
    expect(server.requests.at(-1)).toMatchObject({
      url: "/file",
      range: `bytes=${FIRST_BYTES}-${bytes - 1}`,
    });
    // What cannot be had is an error that says why of each way, and does not touch what was fetched.
    expect(second.said()).toMatch(
      /error ENGINE_UNAVAILABLE: TensorFlow with CUDA cannot be had here\s+cuda-wheel: .*403.*\s+package-installer: node failed/u,
    );
  });
});
