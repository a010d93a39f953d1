/**
 * What a shell offers while a command line is typed, answered before anything is compiled: reads only what is there,
 * and says nothing where that is nothing. The scripts of `pipeline completion` ask.
 */
/* global module, require -- of CommonJS */
/* eslint-disable @typescript-eslint/no-require-imports */
"use strict";
const { readdirSync, readFileSync } = require("node:fs");
const path = require("node:path");

/** Shells may put words into command lines as they are: nothing that one of them would evaluate. */
const harmless = /^[\w@+][\w@=,.+-]*$/;

/** @type {Readonly<Record<string, (projectRoot: string) => readonly unknown[]>>} */
const kinds = {
  stages: (projectRoot) => wordsFile(projectRoot).stages,
  targets: (projectRoot) => wordsFile(projectRoot).targets,
  runs(projectRoot) {
    const names = readdirSync(path.join(projectRoot, "cache", "logs"));
    const runs = names.filter((name) => /^\d{8}T\d{6}Z-[0-9a-f]{6}$/.test(name));
    return runs.length === 0 ? [] : ["latest", ...runs.sort().reverse()];
  },
  recipes: (projectRoot) =>
    readdirSync(path.join(projectRoot, "configs"))
      .filter((name) => /\.ya?ml$/.test(name))
      .map((name) => name.replace(/\.ya?ml$/, ""))
      .sort(),
};

/**
 * @param {string} projectRoot
 * @returns {import("../src/runner/completion-words.ts").CompletionWords}
 */
function wordsFile(projectRoot) {
  /** @type {unknown} */
  const words = JSON.parse(readFileSync(path.join(projectRoot, "cache", "compiled", "words.json"), "utf8"));
  return /** @type {import("../src/runner/completion-words.ts").CompletionWords} */ (words);
}

/**
 * Each word once, in the order of the kinds.
 * @param {string} projectRoot
 * @param {readonly string[]} wanted names of kinds
 * @returns {readonly string[]}
 */
function completionWords(projectRoot, wanted) {
  const words = wanted.flatMap((kind) => {
    try {
      return kinds[kind]?.(projectRoot) ?? [];
    } catch {
      return []; // nothing there yet: a person who types is not told why
    }
  });
  return [...new Set(words.filter((word) => typeof word === "string" && harmless.test(word)))].map(String);
}

module.exports = { completionWords };
