/**
 * The digest of a stage's code: its import closure, bundled by esbuild with packages left outside, types,
 * comments, whitespace and the names of locals gone. A comment or a renamed local costs nothing; an edit three
 * imports down is seen; a helper that nothing calls is shaken off. Files that the code names and does not import
 * count by their content. Beside it, for `why`: what each file and each package contributes.
 */
import { relative, resolve, sep } from "node:path";
import { build, type Metafile, type Plugin } from "esbuild";
import { PipelineError } from "../errors.ts";
import { digestOf } from "../std/digest.ts";
import { byCodeUnit } from "./canonical.ts";
import { digestValue } from "./digest.ts";
import { followReferences, type SourceWarning } from "./follow-references.ts";
import { forgetNames } from "./forget-names.ts";
import { addVersion, packagesOf, sortedPackages } from "./packages.ts";
import type { SourceSnapshot } from "./source-snapshot.ts";

export interface SourceFacts {
  readonly digest: string;
  /**
   * Project file → digest of its own code, normalised like the whole; of a file that code names without importing it,
   * of its content. Paths are relative to the project, with `/`.
   */
  readonly files: Readonly<Record<string, string>>;
  /** Imported or named package → its version. */
  readonly packages: Readonly<Record<string, string>>;
}

export interface DigestSourcesOptions {
  readonly projectRoot: string;
  /** Absolute paths of the stages' files. */
  readonly entries: readonly string[];
  readonly snapshot: SourceSnapshot;
  /** Told once of each place. */
  readonly onWarning?: ((warning: SourceWarning) => void) | undefined;
}

/**
 * Same sources, same digests, on any machine and in any directory. Keys of the answer are the entries. Throws
 * `PACKAGE_NOT_FOUND`, and `SOURCE_REFERENCE_MISSING` where code names a file that is not there.
 */
export const digestSources = (options: DigestSourcesOptions): Promise<Map<string, SourceFacts>> =>
  digestEntries(options, new Map());

/** What workers' code comes to, by their path: one may be started by many. */
type Workers = Map<string, SourceFacts>;

async function digestEntries(
  options: DigestSourcesOptions,
  workers: Workers,
): Promise<Map<string, SourceFacts>> {
  const { projectRoot, entries, snapshot } = options;
  if (entries.length === 0) return new Map();
  const { outputFiles, metafile } = await build({
    absWorkingDir: projectRoot,
    entryPoints: [...entries],
    outdir: resolve(projectRoot, "cache/digest"), // a name for the outputs; nothing is written
    write: false,
    metafile: true,
    bundle: true,
    splitting: false,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    legalComments: "none",
    // Not tsconfig.json: what it says of checking must not change what code means.
    tsconfigRaw: {},
    minifySyntax: true,
    minifyWhitespace: true,
    // Says where in the sources something stands; no part of the code.
    sourcemap: "external",
    sourcesContent: false,
    logLevel: "silent",
    plugins: [snapshot.plugin()],
  });
  const warned = new Set<string>();
  const onWarning = (warning: SourceWarning): void => {
    if (!warned.has(warning.message)) options.onWarning?.(warning);
    warned.add(warning.message);
  };
  const maps = new Map(outputFiles.map(({ path, text }) => [path, text]));
  const normalised = new Map<string, string>();
  const facts = new Map<string, SourceFacts>();
  for (const file of outputFiles.filter(({ path }) => !path.endsWith(".map"))) {
    const output = metafile.outputs[posixRelative(projectRoot, file.path)];
    if (output?.entryPoint === undefined)
      throw new Error(`esbuild gave ${file.path} without its entry point`);
    const files: Record<string, string> = {};
    for (const input of closureOf(metafile, output.entryPoint)) {
      let digest = normalised.get(input);
      if (digest === undefined) {
        digest = digestOf(await normaliseFile(resolve(projectRoot, input), snapshot));
        normalised.set(input, digest);
      }
      files[input] = digest;
    }
    const packages = packagesOf(metafile, output, projectRoot);
    const code = { path: file.path, text: file.text, map: maps.get(`${file.path}.map`) ?? "" };
    const named = followReferences(code, { projectRoot, snapshot, packages, onWarning });
    for (const [path, content] of [...named].filter(([each]) => isWorker(each))) {
      const worker = await digestWorker(path, content, options, workers);
      named.set(path, worker.digest);
      Object.assign(files, worker.files);
      for (const [name, version] of Object.entries(worker.packages)) addVersion(packages, name, version);
    }
    const digest = digestOf(await forgetNames(file.text));
    facts.set(resolve(projectRoot, output.entryPoint), {
      digest: named.size === 0 ? digest : digestValue([digest, Object.fromEntries(named)]),
      files: inOrder({ ...Object.fromEntries(named), ...files }),
      packages: sortedPackages(packages),
    });
  }
  return facts;
}

/** The code of a thread or process, which is compiled into what starts it (src/runner/inline-workers.js). */
const isWorker = (path: string): boolean => path.endsWith("-worker.ts");

/** As a stage's: with everything that it imports. */
async function digestWorker(
  path: string,
  content: string,
  options: DigestSourcesOptions,
  workers: Workers,
): Promise<SourceFacts> {
  const known = workers.get(path);
  if (known !== undefined) return known;
  // Where its own code names it once more, nothing is left to add.
  workers.set(path, { digest: content, files: {}, packages: {} });
  const entry = resolve(options.projectRoot, path);
  const facts = (await digestEntries({ ...options, entries: [entry] }, workers)).get(entry);
  if (facts === undefined) throw new Error(`the worker ${path} has no digest`);
  workers.set(path, facts);
  return facts;
}

const inOrder = (files: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(files).sort(([a], [b]) => byCodeUnit(a, b)));

/** All project files that an entry imports, directly or not; also those of which only an inlined constant is left. */
function closureOf(metafile: Metafile, entry: string): string[] {
  const seen = new Set<string>([entry]);
  for (const path of seen)
    for (const imported of metafile.inputs[path]?.imports ?? [])
      if (imported.external !== true) seen.add(imported.path);
  return [...seen].sort(byCodeUnit);
}

/** One file alone, its imports left as they are: bundled, so that types and unused declarations go. */
async function normaliseFile(path: string, snapshot: SourceSnapshot): Promise<string> {
  const everythingElseOutside: Plugin = {
    name: "everything-else-outside",
    setup: (build) => {
      build.onResolve({ filter: /.*/ }, ({ kind, path: target }) =>
        kind === "entry-point" ? undefined : { path: target, external: true },
      );
    },
  };
  const { outputFiles } = await build({
    entryPoints: [path],
    write: false,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    legalComments: "none",
    tsconfigRaw: {},
    minifySyntax: true,
    minifyWhitespace: true,
    logLevel: "silent",
    plugins: [everythingElseOutside, snapshot.plugin()],
  });
  const [output] = outputFiles;
  if (output === undefined)
    throw new PipelineError({ code: "UNEXPECTED", message: `esbuild gave nothing for ${path}` });
  return forgetNames(output.text);
}

export const posixRelative = (from: string, to: string): string => relative(from, to).split(sep).join("/");
