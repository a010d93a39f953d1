/**
 * Compiles the project for Node: the command line, pipeline.ts, every stage and the stage process, in one
 * esbuild build that shares chunks, into cache/compiled/<hash>/; and digests the stages' sources from the same
 * reading of the files. bin/pipeline.js calls it when something changed; a run of what is compiled needs none of it.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  build,
  formatMessages,
  version as esbuildVersion,
  type BuildFailure,
  type BuildResult,
} from "esbuild";
import { PipelineError, userError } from "../errors.ts";
import { digestOf } from "../std/digest.ts";
import { digestValue } from "../hashing/digest.ts";
import { isPackage, packageJsonOf, packageName } from "../hashing/packages.ts";
import { digestSources, posixRelative, type SourceFacts } from "../hashing/source-digest.ts";
import { SourceSnapshot } from "../hashing/source-snapshot.ts";
import { isAlive, type ProcessIdentity } from "../std/process-identity.ts";
import { MANIFEST_FILE, type CompiledManifest, type CompiledStage } from "./compiled.ts";
import { isRacy, listStageFiles, statText, writeRecord, type InputFile } from "./freshness.ts";

export interface CompileOptions {
  /** Absolute; holds pipeline.ts and stages/. */
  readonly projectRoot: string;
  /** Absolute; holds this package's sources. */
  readonly packageRoot: string;
  /** Absolute. Default: the package's src/cli/main.ts. */
  readonly main?: string;
  /** Absolute paths of what this compiler was itself made of: it is compiled anew when one changes. */
  readonly compilerSources?: readonly string[];
}

/** Loaded at every start, so bundled: one file of what is used loads twice as fast as a package of eighty. */
const BUNDLED_PACKAGES = new Set(["zod", "yaml", "commander"]);

/** Bundled CommonJS packages ask for Node's modules by `require`, which ES modules lack. */
const REQUIRE_BANNER =
  'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';

/**
 * Answers the compiled directory. Throws user errors: `SOURCE_INVALID` with file, line and column,
 * `STAGE_BROKEN`, `STAGE_AMBIGUOUS`, `PIPELINE_NOT_FOUND`, `PACKAGE_NOT_FOUND`.
 */
export async function compileProject(options: CompileOptions): Promise<string> {
  const { projectRoot, packageRoot } = options;
  const root = join(projectRoot, "cache/compiled");
  mkdirSync(root, { recursive: true });
  if (!existsSync(join(projectRoot, "pipeline.ts")) || !existsSync(join(projectRoot, "stages")))
    throw userError(
      "PIPELINE_NOT_FOUND",
      `${projectRoot} holds no pipeline.ts with a folder stages/ beside it`,
      "change to the project's directory",
    );
  const stageFiles = listStageFiles(projectRoot);
  const snapshot = new SourceSnapshot();
  const stageEntries = stageFiles.map((name) => join(projectRoot, "stages", name));
  options.compilerSources?.forEach((path) => snapshot.read(path));
  const { files, packageJsons, sources } = await explainingFailures(projectRoot, async () => {
    const built = await bundle(options, stageEntries, snapshot);
    const digests = await digestSources({ projectRoot, entries: stageEntries, snapshot });
    return { ...built, sources: digests };
  });

  const inputs = [...snapshot.files]
    .filter(([path]) => !isPackaged(projectRoot, path))
    .map(([path, { stat, sha256 }]): InputFile => ({
      path,
      stat: statText(stat),
      sha256,
      racy: isRacy(stat, Date.now()),
    }))
    .concat(packageJsons.map(inputOf));
  const name = digestValue([
    esbuildVersion,
    process.version,
    packageRoot,
    [...files].map(([path, text]) => [path, digestOf(text)]),
    [...sources].map(([path, { digest, files: each, packages }]) => [path, digest, each, packages]),
  ]).slice(0, 24);
  const directory = join(root, name);
  if (!existsSync(join(directory, MANIFEST_FILE))) {
    writeCompiled(directory, files);
    const manifest: CompiledManifest = {
      pipeline: "pipeline.mjs",
      stageProcess: "stage-process.mjs",
      watchdog: "watchdog.mjs",
      stages: await findStages(directory, stageEntries, projectRoot, sources),
    };
    // Written last: a directory without it is not finished.
    writeFileSync(join(directory, `${MANIFEST_FILE}.next`), JSON.stringify(manifest));
    renameSync(join(directory, `${MANIFEST_FILE}.next`), join(directory, MANIFEST_FILE));
  }
  writeRecord(join(root, "latest.json"), {
    directory: name,
    node: process.version,
    projectRoot,
    packageRoot,
    stageFiles,
    inputs,
  });
  prune(root, name);
  return directory;
}

interface Bundle {
  /** Path below the compiled directory → contents. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly packageJsons: readonly string[];
}

async function bundle(
  { projectRoot, packageRoot, main = join(packageRoot, "src/cli/main.ts") }: CompileOptions,
  stageEntries: readonly string[],
  snapshot: SourceSnapshot,
): Promise<Bundle> {
  const runner = join(packageRoot, "src/runner");
  const outdir = join(projectRoot, "cache/compiled/out"); // names only; written below
  const result = await build({
    absWorkingDir: projectRoot,
    entryPoints: [
      { in: main, out: "main" },
      { in: join(projectRoot, "pipeline.ts"), out: "pipeline" },
      { in: join(runner, "stage-process.ts"), out: "stage-process" },
      { in: join(runner, "watchdog.ts"), out: "watchdog" },
      { in: join(runner, "freshness.ts"), out: "freshness" },
      ...stageEntries.map((path) => ({ in: path, out: `stages/${basename(path, ".ts")}` })),
    ],
    outdir,
    write: false,
    metafile: true,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    chunkNames: "chunks/[name]-[hash]",
    outExtension: { ".js": ".mjs" }, // ES modules whatever the package.json above says
    banner: { js: REQUIRE_BANNER },
    sourcemap: "linked",
    sourcesContent: false,
    legalComments: "none",
    tsconfigRaw: {},
    logLevel: "silent",
    plugins: [
      {
        name: "packages-outside",
        setup: (builder) => {
          builder.onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
            if (kind === "entry-point" || BUNDLED_PACKAGES.has(packageName(path))) return undefined;
            return { path, external: true };
          });
        },
      },
      snapshot.plugin(),
    ],
  });
  const files = result.outputFiles.map(
    ({ path, contents }) => [posixRelative(outdir, path), contents] as const,
  );
  return { files: new Map(files), packageJsons: packageJsonsOf(result, projectRoot) };
}

/** Files of packages are watched by their package.json. */
const isPackaged = (projectRoot: string, path: string): boolean =>
  posixRelative(projectRoot, path).split("/").includes("node_modules");

/** Of every package that is imported: an upgrade must be noticed. */
function packageJsonsOf({ metafile }: BuildResult<{ metafile: true }>, projectRoot: string): string[] {
  const found = new Set<string>();
  for (const [input, { imports }] of Object.entries(metafile.inputs)) {
    const importer = resolve(projectRoot, input);
    if (isPackaged(projectRoot, importer)) continue;
    for (const { path, external, original } of imports) {
      const specifier = external === true ? path : (original ?? path);
      if (!isPackage(specifier) || /^[./]/.test(specifier)) continue;
      found.add(packageJsonOf(packageName(specifier), importer));
    }
  }
  return [...found].sort();
}

function inputOf(path: string): InputFile {
  const stat = statSync(path, { bigint: true });
  return { path, stat: statText(stat), sha256: digestOf(readFileSync(path)), racy: isRacy(stat, Date.now()) };
}

/** A kill in between leaves a directory without manifest, which the next compile writes again. */
function writeCompiled(directory: string, files: Bundle["files"]): void {
  for (const [path, contents] of files) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), contents);
  }
}

/** Loads every compiled stage file and finds the stage that it exports. */
async function findStages(
  directory: string,
  entries: readonly string[],
  projectRoot: string,
  sources: ReadonlyMap<string, SourceFacts>,
): Promise<CompiledStage[]> {
  const stages: CompiledStage[] = [];
  for (const entry of entries) {
    const file = posixRelative(projectRoot, entry);
    const module = `stages/${basename(entry, ".ts")}.mjs`;
    const source = sources.get(entry);
    if (source === undefined) throw new Error(`${file} has no source digest`);
    for (const [exportName, value] of Object.entries(await importStage(join(directory, module), file))) {
      if (!isStage(value)) continue;
      const other = stages.find(({ name }) => name === value.name);
      if (other !== undefined)
        throw userError(
          "STAGE_AMBIGUOUS",
          `${other.file} and ${file} both export a stage named ${value.name}`,
          "stage names are part of fingerprints: give one of them another",
        );
      stages.push({ name: value.name, file, module, exportName, source });
    }
  }
  return stages;
}

async function importStage(path: string, file: string): Promise<object> {
  try {
    return (await import(pathToFileURL(path).href)) as object;
  } catch (cause) {
    throw new PipelineError({
      code: "STAGE_BROKEN",
      message: `${file} cannot be loaded: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`,
      hint: "a stage file must load without doing its work; heavy packages are better imported inside run",
      kind: "user",
      cause,
    });
  }
}

const isStage = (value: unknown): value is { readonly name: string } =>
  typeof value === "object" &&
  value !== null &&
  "name" in value &&
  typeof value.name === "string" &&
  "inputs" in value &&
  "outputs" in value &&
  "run" in value &&
  typeof value.run === "function";

async function explainingFailures<T>(projectRoot: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    const shown = await formatMessages(
      error.errors.map((each) => each),
      { kind: "error", color: false },
    );
    const first = error.errors[0]?.location;
    const where = first ? `${first.file}:${first.line}:${first.column + 1}: ` : `${projectRoot}: `;
    throw userError(
      "SOURCE_INVALID",
      `${where}${error.errors[0]?.text ?? error.message}\n${shown.join("").trimEnd()}`,
      "correct the file and run again; `npm run typecheck` tells more",
    );
  }
}

const isBuildFailure = (error: unknown): error is BuildFailure =>
  error instanceof Error && "errors" in error && Array.isArray(error.errors) && "warnings" in error;

/** Someone may be on the way from reading latest.json into a directory. */
const PRUNE_AFTER_MS = 60_000;

/** Removes compiled directories that are not current and that no living process uses. */
function prune(root: string, current: string): void {
  for (const { name } of readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
    const directory = join(root, name);
    const age = Date.now() - statSync(directory).mtimeMs;
    if (name === current || age < PRUNE_AFTER_MS || hasUser(join(directory, "users"))) continue;
    rmSync(directory, { recursive: true, force: true });
  }
}

function hasUser(users: string): boolean {
  if (!existsSync(users)) return false;
  return readdirSync(users).some((mark) => {
    try {
      return isAlive(JSON.parse(readFileSync(join(users, mark), "utf8")) as ProcessIdentity);
    } catch {
      return true; // being written or just removed: look again at the next compile
    }
  });
}
