/** Puts an installed engine where the binding package's loader finds it, as after a fresh `npm ci`. */
import { PipelineError } from "../../errors.ts";
import { findBindingPackage, linkBuild, readLink, type BindingPackage } from "./binding-package.ts";
import { findBuild } from "./installed-builds.ts";

/** Does nothing where a link to a sound build, or the package's own binding, stands. Throws `ENGINE_UNAVAILABLE`. */
export async function linkEngine(given?: BindingPackage): Promise<void> {
  const bindingPackage = given ?? findBindingPackage();
  if (bindingPackage === undefined) throw unavailable("the npm package tfjs-node-gpu is not installed");
  const link = readLink(bindingPackage);
  if (link.kind === "own") return;
  const build = findBuild(bindingPackage);
  if (build === undefined) throw unavailable("native TensorFlow is not installed");
  if (link.kind === "link" && link.buildFolder === build.folder) return;
  try {
    await linkBuild(bindingPackage, build);
  } catch (cause) {
    throw unavailable(`cannot link ${build.folder} into ${bindingPackage.folder}: ${String(cause)}`, cause);
  }
}

const unavailable = (message: string, cause?: unknown): PipelineError =>
  new PipelineError({
    code: "ENGINE_UNAVAILABLE",
    message,
    hint: "npx pipeline engine install, or set PIPELINE_ENGINE=wasm",
    cause,
  });
