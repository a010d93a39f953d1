/**
 * The programmatic interface: what the commands do, from plain Node. api.d.ts has the types and says what each does;
 * docs/api.md has examples.
 */
/* global require, module -- of CommonJS */
/* eslint-disable @typescript-eslint/no-require-imports */
"use strict";
const path = require("node:path");
const { findProject, openProgram } = require("./open-program.js");

/** @typedef {import("./api.d.ts").ProjectOptions} ProjectOptions */
/** @typedef {typeof import("./api.d.ts")} Api */

/** @type {Api["openSession"]} */
async function openSession({ projectRoot, config, set, env } = {}) {
  const root = path.resolve(projectRoot ?? findProject(process.cwd()) ?? ".");
  const { compiledDirectory, program } = await openProgram(root, "api", ({ code, message }) => {
    process.emitWarning(message, { code });
  });
  const loaded = /** @type {typeof import("../src/runner/session.ts")} */ (await program.session());
  const session = await loaded.openSession({
    projectRoot: root,
    compiledDirectory,
    importPipeline: program.pipeline,
    configFile: config,
    set,
    env,
  });
  program.saveCodeCache();
  return session;
}

/**
 * @template T
 * @param {ProjectOptions} options
 * @param {(session: import("./api.d.ts").Session) => T | Promise<T>} work
 * @returns {Promise<T>}
 */
async function withSession(options, work) {
  const session = await openSession(options);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** @type {Pick<Api, "run" | "plan" | "status" | "why" | "lineage" | "graph" | "check">} */
const questions = {
  run: ({ targets, ...options } = {}) => withSession(options, (session) => session.run(targets, options)),
  plan: ({ targets, ...options } = {}) => withSession(options, (session) => session.plan(targets, options)),
  status: (options = {}) => withSession(options, (session) => session.status()),
  why: (stage, options = {}) => withSession(options, (session) => session.why(stage)),
  lineage: (subject, options = {}) => withSession(options, (session) => session.lineage(subject, options)),
  graph: (options = {}) => withSession(options, (session) => session.graph()),
  check: (options = {}) => withSession(options, (session) => session.check(options)),
};
const { run, plan, status, why, lineage, graph, check } = questions;

/** @type {Api["isPipelineError"]} */
const isPipelineError = (error) => error instanceof Error && error.name === "PipelineError";

module.exports = { openSession, run, plan, status, why, lineage, graph, check, isPipelineError };
