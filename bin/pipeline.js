#!/usr/bin/env node
/**
 * Starts the compiled command line; compiles it first where a source changed. Plain JavaScript, and on the quick
 * way it loads nothing but Node's own modules and what was compiled.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)));
const projectRoot = findProject(process.cwd()) ?? packageRoot;
const compiledRoot = join(projectRoot, "cache", "compiled");

/**
 * The nearest directory upwards with a pipeline.ts.
 * @param {string} directory
 * @returns {string | undefined}
 */
function findProject(directory) {
  if (existsSync(join(directory, "pipeline.ts"))) return directory;
  const parent = dirname(directory);
  return parent === directory ? undefined : findProject(parent);
}

/**
 * @typedef {typeof import("../src/runner/freshness.ts")} Freshness
 * @typedef {typeof import("../src/runner/compile.ts")} Compiler
 * @typedef {typeof import("../src/cli/main.ts")} CommandLine
 */

/**
 * @param {string} path
 * @returns {Promise<unknown>}
 */
const load = (path) => import(pathToFileURL(path).href);

/**
 * The compiled directory, where it is current.
 * @returns {Promise<string | undefined>}
 */
async function findCompiled() {
  const recordFile = join(compiledRoot, "latest.json");
  try {
    const text = readFileSync(recordFile, "utf8");
    /** @type {unknown} */
    const parsed = JSON.parse(text);
    const record = /** @type {import("../src/runner/freshness.ts").CompileRecord} */ (parsed);
    const directory = join(compiledRoot, record.directory);
    const { isFresh } = /** @type {Freshness} */ (await load(join(directory, "freshness.mjs")));
    return isFresh(recordFile, record, { projectRoot, packageRoot }) ? directory : undefined;
  } catch {
    return undefined; // nothing compiled yet, or damaged: compiling puts it right
  }
}

/**
 * The compiler is TypeScript too: esbuild makes one file of it, which is thrown away afterwards.
 * @returns {Promise<string>}
 */
async function compile() {
  const { build } = await import("esbuild");
  mkdirSync(compiledRoot, { recursive: true });
  const compiler = join(compiledRoot, `compiler-${process.pid}.mjs`);
  try {
    const { metafile } = await build({
      entryPoints: [join(packageRoot, "src/runner/compile.ts")],
      outfile: compiler,
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
      packages: "external",
      tsconfigRaw: {},
      metafile: true,
      absWorkingDir: packageRoot,
      logLevel: "silent",
    });
    const { compileProject } = /** @type {Compiler} */ (await load(compiler));
    const compilerSources = Object.keys(metafile.inputs).map((path) => join(packageRoot, path));
    return await compileProject({ projectRoot, packageRoot, compilerSources });
  } finally {
    rmSync(compiler, { force: true });
  }
}

/**
 * @param {unknown} error
 * @returns {number} the exit code
 */
function report(error) {
  const known = error instanceof Error && error.name === "PipelineError";
  if (!known) {
    process.stderr.write(
      `error UNEXPECTED: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    return 1;
  }
  const { code, message, hint, kind } = /** @type {import("../src/errors.ts").SerializedError} */ (
    /** @type {unknown} */ (error)
  );
  process.stderr.write(`error ${code}: ${message}\n${hint === undefined ? "" : `hint: ${hint}\n`}`);
  return kind === "user" ? 2 : 1;
}

try {
  const compiledDirectory = (await findCompiled()) ?? (await compile());
  const { markInUse } = /** @type {Freshness} */ (await load(join(compiledDirectory, "freshness.mjs")));
  markInUse(compiledDirectory);
  const { main } = /** @type {CommandLine} */ (await load(join(compiledDirectory, "main.mjs")));
  process.exitCode = await main(process.argv.slice(2), { projectRoot, packageRoot, compiledDirectory });
} catch (error) {
  process.exitCode = report(error);
}
