/**
 * `npm run bench -- [NAME...] [--json]`: compiles bench/main.ts in memory of cache/ and runs it. Plain
 * JavaScript, because Node 20 does not read TypeScript.
 */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)));
const outfile = join(projectRoot, "cache", "bench", "main.mjs");
await mkdir(dirname(outfile), { recursive: true });
await build({
  entryPoints: [join(projectRoot, "bench", "main.ts")],
  outfile,
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  sourcemap: true,
  logLevel: "warning",
});
const { main } = await import(pathToFileURL(outfile).href);
process.exitCode = await main(process.argv.slice(2), projectRoot);
