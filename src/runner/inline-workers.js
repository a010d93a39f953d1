/**
 * Worker threads in compiled code: `new URL("./x-worker.ts", import.meta.url)` becomes a data: URL that holds the
 * worker's whole code, so that a thread runs what was compiled (and hashed) whatever happened to the sources since.
 * Plain JavaScript, because the benchmarks' start script uses it as it is.
 */
import { Buffer } from "node:buffer";
import { dirname, resolve } from "node:path";
import { build } from "esbuild";

const WORKER_URL = /new URL\(\s*"(\.[^"]*-worker\.ts)",\s*import\.meta\.url,?\s*\)/g;

/**
 * @param {string} text source code
 * @param {string} path absolute, of the file that holds it
 * @param {import("esbuild").Plugin[]} [plugins] for the workers' own sources; without them, packages stay outside by name
 * @returns {Promise<string>}
 */
export async function inlineWorkers(text, path, plugins) {
  let inlined = "";
  let end = 0;
  for (const match of text.matchAll(WORKER_URL)) {
    const { outputFiles } = await build({
      entryPoints: [resolve(dirname(path), match[1] ?? "")],
      write: false,
      bundle: true,
      platform: "node",
      target: "node20",
      format: "esm",
      conditions: [],
      tsconfigRaw: {},
      legalComments: "none",
      logLevel: "silent",
      ...(plugins === undefined ? { packages: "external" } : { plugins }),
    });
    const code = outputFiles.map((file) => file.text).join("");
    const url = `data:text/javascript;base64,${Buffer.from(code).toString("base64")}`;
    inlined += `${text.slice(end, match.index)}new URL("${url}")`;
    end = match.index + match[0].length;
  }
  return inlined + text.slice(end);
}
