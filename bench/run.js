/**
 * `npm run bench -- [NAME...] [--json] [--large] [--folder MODEL] [--text FILE] [--megabytes N]`: compiles the benchmarks into
 * cache/bench and runs them. Plain JavaScript, because Node 20 does not read TypeScript.
 */
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { readFile } from "node:fs/promises";
import { build } from "esbuild";
import { inlineWorkers } from "../src/runner/inline-workers.js";

const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(projectRoot); // peers, binaries and artifacts are named from there
const outdir = join(projectRoot, "cache", "bench");
await build({
  // The others are started as processes by the first.
  entryPoints: [
    "bench/main.ts",
    "bench/attention-work.ts",
    "bench/train-steps.ts",
    "bench/device-steps.ts",
    "bench/loop-work.ts",
    "bench/shard-work.ts",
    "bench/training-work.ts",
    "bench/encoding-work.ts",
    "bench/sampling-work.ts",
    "bench/decode-texts.ts",
    "bench/peers/tfjs-tape.ts",
  ],
  outdir,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  packages: "external",
  platform: "node",
  target: "node20",
  format: "esm",
  sourcemap: true,
  logLevel: "warning",
  plugins: [
    {
      name: "inline-workers",
      setup: (builder) => {
        builder.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
          const text = await readFile(path, "utf8");
          if (!text.includes("-worker.ts")) return undefined;
          return { contents: await inlineWorkers(text, path), loader: "ts" };
        });
      },
    },
  ],
});
/** @type {unknown} */
const bundle = await import(pathToFileURL(join(outdir, "main.mjs")).href);
const { main } = /** @type {typeof import("./main.ts")} */ (bundle);
process.exitCode = await main(process.argv.slice(2));
