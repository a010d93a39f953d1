/**
 * Worker threads and processes in compiled code: `new URL("./x-worker.ts", import.meta.url)` becomes a data: URL that
 * holds the worker's whole code, so that it runs what was compiled (and hashed) whatever happened to the sources since.
 * Plain JavaScript, because the benchmarks' start script uses it as it is.
 */
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build, transform } from "esbuild";

const WORKER_URL = /new URL\(\s*"(\.[^"]*-worker\.ts)",\s*import\.meta\.url,?\s*\)/g;

/**
 * @param {string} text source code
 * @param {string} path absolute, of the file that holds it
 * @param {import("esbuild").Plugin[]} [plugins] for the workers' own sources; by default they are read from where they are
 * @returns {Promise<string>}
 */
export async function inlineWorkers(text, path, plugins = [inPlace]) {
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
      plugins,
    });
    const code = outputFiles.map((file) => file.text).join("");
    const url = `data:text/javascript;base64,${Buffer.from(code).toString("base64")}`;
    inlined += `${text.slice(end, match.index)}new URL("${url}")`;
    end = match.index + match[0].length;
  }
  return inlined + text.slice(end);
}

/**
 * Packages stay outside, by the address of their file, and `import.meta.url` is the source's: code in a data: URL or read
 * from a pipe stands nowhere.
 * @type {import("esbuild").Plugin}
 */
const inPlace = {
  name: "in-place",
  setup: (builder) => {
    const ours = Symbol("our own question");
    builder.onResolve({ filter: /^[^./]/ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
      if (kind === "entry-point" || pluginData === ours) return undefined;
      if (isBuiltin(path)) return { path, external: true };
      const found = await builder.resolve(path, { kind, importer, resolveDir, pluginData: ours });
      return { path: found.errors.length === 0 ? pathToFileURL(found.path).href : path, external: true };
    });
    builder.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      if (!text.includes("import.meta")) return { contents: text, loader: "ts" };
      const url = JSON.stringify(pathToFileURL(path).href);
      const options = /** @type {const} */ ({ loader: "ts", tsconfigRaw: {}, target: "node20" });
      const { code } = await transform(text, { ...options, define: { "import.meta.url": url } });
      return { contents: code, loader: "js" };
    });
  },
};
