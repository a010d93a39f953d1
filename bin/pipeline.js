#!/usr/bin/env node
/** The command line: opens the project's compiled program, hands it the arguments, and ends with its exit code. */
/* global require -- of CommonJS */
/* eslint-disable @typescript-eslint/no-require-imports */
"use strict";
const { setFlagsFromString } = require("node:v8");
// What a start makes is used to its end: young space grows at once, and nothing is copied at each doubling.
setFlagsFromString("--semi-space-growth-factor=16");
// Young space is collected when it is full. As a task besides, V8 would copy what lives at the end of a short command.
setFlagsFromString("--no-minor-gc-task");
const { findProject, openLastProgram, openProgram, packageRoot } = require("./open-program.js");

/** @typedef {typeof import("../src/cli/main.ts")} CommandLine */

/** What can be asked in the middle of an edit: commands that ask nothing of the sources. */
const needNoSources = new Set([
  "help",
  "attach",
  "stop",
  "runs",
  "logs",
  "diff",
  "metrics",
  "lineage",
  "pins",
  "completion",
]);

/**
 * @param {unknown} error why the sources could not be compiled
 * @param {string} projectRoot
 * @param {string} command
 * @returns {ReturnType<typeof openLastProgram>} throws `error` where nothing was compiled before
 */
function goOnWithLast(error, projectRoot, command) {
  if (!(error instanceof Error) || error.name !== "PipelineError" || !needNoSources.has(command)) throw error;
  /** @type {ReturnType<typeof openLastProgram>} */
  let opened;
  try {
    opened = openLastProgram(projectRoot, command);
  } catch {
    throw error; // says what is to be done
  }
  const [first] = error.message.split("\n");
  process.stderr.write(`notice: ${first}; ${command} goes on with what was compiled last\n`);
  return opened;
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

/**
 * @param {string[]} argv
 * @returns {Promise<number>} the exit code
 */
async function start(argv) {
  const projectRoot = findProject(process.cwd()) ?? packageRoot;
  const [command = "help", ...rest] = argv;
  if (command === "completion-words") {
    const { completionWords } = require("./completion-words.js");
    for (const word of completionWords(projectRoot, rest)) process.stdout.write(`${word}\n`);
    return 0;
  }
  const purpose = /^[a-z]+$/.test(command) ? command : "help";
  const { compiledDirectory, program } = await openProgram(projectRoot, purpose, ({ code, message }) => {
    process.stderr.write(`warning ${code}: ${message}\n`);
  }).catch((/** @type {unknown} */ error) => goOnWithLast(error, projectRoot, purpose));
  const { main } = /** @type {CommandLine} */ (await program.main());
  const importPipeline = program.pipeline;
  const exitCode = await main(argv, { projectRoot, packageRoot, compiledDirectory, importPipeline });
  // What ended badly may be no command at all.
  if (exitCode === 0) program.saveCodeCache();
  return exitCode;
}

// Nothing is left to do or to write then: the system takes the heap back sooner than Node takes it apart.
process.once("beforeExit", () => process.exit());

start(process.argv.slice(2)).then(
  (exitCode) => (process.exitCode = exitCode),
  (/** @type {unknown} */ error) => (process.exitCode = report(error)),
);
