/**
 * Opens the compiled program of a project; compiles it first where a source changed. Plain JavaScript, and CommonJS,
 * which starts sooner than ES modules: on the quick way nothing is loaded but Node's own modules and what was compiled.
 */
/* global require, module, __dirname -- of CommonJS */
/* eslint-disable @typescript-eslint/no-require-imports */
"use strict";
const { existsSync, readFileSync } = require("node:fs");
const path = require("node:path");

/**
 * @typedef {typeof import("../src/runner/start.ts")} Start
 * @typedef {typeof import("../src/runner/compile.ts")} Compiler
 * @typedef {import("../src/hashing/follow-references.ts").SourceWarning} SourceWarning
 * @typedef {import("../src/runner/freshness.ts").CompileRecord} CompileRecord
 * @typedef {import("../src/runner/program.ts").LoadedProgram} LoadedProgram
 * @typedef {{ readonly projectRoot: string, readonly packageRoot: string }} Roots
 * @typedef {{ readonly compiledDirectory: string, readonly program: LoadedProgram }} OpenedProgram
 */

const packageRoot = path.dirname(__dirname);

/**
 * The nearest directory upwards with a pipeline.ts.
 * @param {string} directory
 * @returns {string | undefined}
 */
function findProject(directory) {
  if (existsSync(path.join(directory, "pipeline.ts"))) return directory;
  const parent = path.dirname(directory);
  return parent === directory ? undefined : findProject(parent);
}

/**
 * Throws `PipelineError`s: what is wrong with the sources, or a full disk.
 * @param {string} projectRoot absolute
 * @param {string} purpose a name; each has a code cache of what it uses
 * @param {(warning: SourceWarning) => void} onWarning told what a compile warns of
 * @returns {Promise<OpenedProgram>}
 */
async function openProgram(projectRoot, purpose, onWarning) {
  const roots = { projectRoot, packageRoot };
  return openCompiled(findCompiled(roots) ?? (await compile(roots, onWarning)), purpose);
}

/**
 * The program as it was compiled last, whatever the sources say now. Throws where there is none.
 * @param {string} projectRoot absolute
 * @param {string} purpose
 * @returns {OpenedProgram}
 */
function openLastProgram(projectRoot, purpose) {
  return openCompiled(readRecord(projectRoot).directory, purpose);
}

/**
 * @param {string} compiledDirectory
 * @param {string} purpose
 * @returns {OpenedProgram}
 */
function openCompiled(compiledDirectory, purpose) {
  const program =
    programs.get(compiledDirectory) ?? loadStart(compiledDirectory).openProgram(compiledDirectory, purpose);
  programs.set(compiledDirectory, program);
  return { compiledDirectory, program };
}

/**
 * What this process has opened: sources that did not change are one program, however often they are asked for.
 * @type {Map<string, LoadedProgram>}
 */
const programs = new Map();

/**
 * @param {string} compiledDirectory
 * @returns {Start}
 */
function loadStart(compiledDirectory) {
  /** @type {unknown} */
  const start = require(path.join(compiledDirectory, "start.cjs"));
  return /** @type {Start} */ (start);
}

/**
 * The compiled directory, where it is current.
 * @param {Roots} roots
 * @returns {string | undefined}
 */
function findCompiled(roots) {
  try {
    const { recordFile, record, directory } = readRecord(roots.projectRoot);
    return loadStart(directory).isCurrent({ recordFile, record, roots }) ? directory : undefined;
  } catch {
    return undefined; // nothing compiled yet, or damaged: compiling puts it right
  }
}

/**
 * What was compiled last, current or not. Throws where that is nothing.
 * @param {string} projectRoot
 * @returns {{ readonly recordFile: string, readonly record: CompileRecord, readonly directory: string }}
 */
function readRecord(projectRoot) {
  const compiledRoot = path.join(projectRoot, "cache", "compiled");
  const recordFile = path.join(compiledRoot, "latest.json");
  /** @type {unknown} */
  const parsed = JSON.parse(readFileSync(recordFile, "utf8"));
  const record = /** @type {CompileRecord} */ (parsed);
  return { recordFile, record, directory: path.join(compiledRoot, record.directory) };
}

/**
 * The compiler is TypeScript too: esbuild makes one script of it, in memory.
 * @param {Roots} roots
 * @param {(warning: SourceWarning) => void} onWarning
 * @returns {Promise<string>}
 */
async function compile(roots, onWarning) {
  const { build } = /** @type {typeof import("esbuild")} */ (/** @type {unknown} */ (require("esbuild")));
  const { createRequire } = require("node:module");
  const { compileFunction } = require("node:vm");
  const source = path.join(packageRoot, "src/runner/compile.ts");
  const { metafile, outputFiles } = await build({
    entryPoints: [source],
    write: false,
    bundle: true,
    format: "cjs",
    platform: "node",
    target: "node20",
    packages: "external",
    tsconfigRaw: {},
    metafile: true,
    absWorkingDir: packageRoot,
    logLevel: "silent",
  });
  /** @type {{ exports: unknown }} */
  const compiled = { exports: {} };
  const run = /** @type {(...parts: unknown[]) => void} */ (
    compileFunction(outputFiles.map(({ text }) => text).join(""), ["exports", "module", "require"], {
      filename: source,
    })
  );
  run(compiled.exports, compiled, createRequire(source));
  const { compileProject } = /** @type {Compiler} */ (compiled.exports);
  const compilerSources = Object.keys(metafile.inputs).map((file) => path.join(packageRoot, file));
  return compileProject({ ...roots, compilerSources, onWarning });
}

module.exports = { findProject, openLastProgram, openProgram, packageRoot };
