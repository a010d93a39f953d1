/** Compiles a script of the tests, so that plain Node runs it as a process of its own. Not a test. */
import { rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { build } from "esbuild";
import { inlineWorkers } from "../src/runner/inline-workers.js";

export interface CompiledProcess extends Disposable {
  readonly path: string;
}

export async function compileProcess(entryPoint: string): Promise<CompiledProcess> {
  // In the project's cache, where packages are found.
  const path = resolve("cache", `${basename(entryPoint, ".ts")}-${process.pid}.mjs`);
  await build({
    entryPoints: [entryPoint],
    outfile: path,
    bundle: true,
    packages: "external",
    platform: "node",
    target: "node20",
    format: "esm",
    logLevel: "error",
    plugins: [
      {
        name: "inline-workers",
        setup: (builder) => {
          builder.onLoad({ filter: /\.ts$/ }, async ({ path: source }) => {
            const text = await readFile(source, "utf8");
            if (!text.includes("-worker.ts")) return undefined;
            return { contents: await inlineWorkers(text, source), loader: "ts" };
          });
        },
      },
    ],
  });
  return { path, [Symbol.dispose]: () => rmSync(path, { force: true }) };
}
