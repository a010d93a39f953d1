/**
 * Compiles the project for Node into cache/compiled/<hash>/, and digests the stages' sources from the same reading
 * of the files. bin/ calls it when something changed; a run of what is compiled needs none of it.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { version as esbuildVersion } from "esbuild";
import { userError } from "../errors.ts";
import { digestValue } from "../hashing/digest.ts";
import type { SourceWarning } from "../hashing/follow-references.ts";
import { digestSources, posixRelative, type SourceFacts } from "../hashing/source-digest.ts";
import { SourceSnapshot } from "../hashing/source-snapshot.ts";
import { digestOf } from "../std/digest.ts";
import { explainingBuildFailures } from "./build-errors.ts";
import { bundle, isPackaged, type Bundle } from "./bundle.ts";
import { MANIFEST_FILE, PROGRAM_FILE, type CompiledManifest } from "./compiled.ts";
import { explainFailure } from "./failure.ts";
import { findStages } from "./find-stages.ts";
import { isRacy, listStageFiles, statText, writeRecord, type InputFile } from "./freshness.ts";
import { loadProgram } from "./program.ts";
import { pruneCompiled } from "./prune-compiled.ts";

export interface CompileOptions {
  /** Absolute; holds pipeline.ts and stages/. */
  readonly projectRoot: string;
  /** Absolute; holds this package's sources. */
  readonly packageRoot: string;
  /** Absolute. Default: the package's src/cli/main.ts. */
  readonly main?: string;
  /** Absolute paths of what this compiler was itself made of: it is compiled anew when one changes. */
  readonly compilerSources?: readonly string[];
  /** Told what the digests of the stages cannot see. */
  readonly onWarning?: (warning: SourceWarning) => void;
}

/**
 * Answers the compiled directory. Throws user errors: `SOURCE_INVALID` with file, line and column, `STAGE_BROKEN`,
 * `STAGE_AMBIGUOUS`, `PIPELINE_NOT_FOUND`, `PACKAGE_NOT_FOUND`, `SOURCE_REFERENCE_MISSING`; and `DISK_FULL`, `NOT_WRITABLE`.
 */
export async function compileProject(options: CompileOptions): Promise<string> {
  const { projectRoot, packageRoot } = options;
  if (!existsSync(join(projectRoot, "pipeline.ts")) || !existsSync(join(projectRoot, "stages")))
    throw userError(
      "PIPELINE_NOT_FOUND",
      `${projectRoot} holds no pipeline.ts with a folder stages/ beside it`,
      "change to the project's directory",
    );
  const stageFiles = listStageFiles(projectRoot);
  const stageEntries = stageFiles.map((name) => join(projectRoot, "stages", name));
  const snapshot = new SourceSnapshot();
  options.compilerSources?.forEach((path) => snapshot.read(path));
  const { main = join(packageRoot, "src/cli/main.ts") } = options;
  const [built, sources] = await explainingBuildFailures(projectRoot, () =>
    Promise.all([
      bundle({ projectRoot, packageRoot, main, stageEntries, snapshot }),
      digestSources({ projectRoot, entries: stageEntries, snapshot, onWarning: options.onWarning }),
    ]),
  );
  const name = nameOf(built, sources, packageRoot);
  const root = join(projectRoot, "cache/compiled");
  const directory = join(root, name);
  try {
    if (!existsSync(join(directory, MANIFEST_FILE)))
      await writeCompiled(directory, built, relativeTo(projectRoot, sources));
    writeRecord(join(root, "latest.json"), {
      directory: name,
      node: process.version,
      projectRoot,
      packageRoot,
      stageFiles,
      inputs: inputsOf(projectRoot, snapshot, built.packageJsons),
    });
    pruneCompiled(root, name);
  } catch (error) {
    throw explainFailure(error);
  }
  return directory;
}

type Sources = ReadonlyMap<string, SourceFacts>;

const nameOf = ({ files }: Bundle, sources: Sources, packageRoot: string): string =>
  digestValue([
    esbuildVersion,
    process.version,
    packageRoot,
    [...files].map(([path, contents]) => [path, digestOf(contents)]),
    [...sources].map(([path, { digest, files: each, packages }]) => [path, digest, each, packages]),
  ]).slice(0, 24);

const relativeTo = (projectRoot: string, sources: Sources): Sources =>
  new Map([...sources].map(([path, facts]) => [posixRelative(projectRoot, path), facts]));

/** Made aside and renamed: nobody ever sees half of it. */
async function writeCompiled(directory: string, { files }: Bundle, sources: Sources): Promise<void> {
  const next = `${directory}.${process.pid}`;
  rmSync(next, { recursive: true, force: true });
  for (const [path, contents] of files) {
    mkdirSync(dirname(join(next, path)), { recursive: true });
    writeFileSync(join(next, path), contents);
  }
  const manifest: CompiledManifest = {
    stageProcess: "stage-process.mjs",
    watchdog: "watchdog.mjs",
    stages: await findStages(loadProgram(join(next, PROGRAM_FILE), "compile"), sources),
  };
  writeFileSync(join(next, MANIFEST_FILE), JSON.stringify(manifest));
  try {
    renameSync(next, directory);
  } catch (error) {
    // Another process compiled the same sources at the same time.
    if (!existsSync(join(directory, MANIFEST_FILE))) throw error;
    rmSync(next, { recursive: true, force: true });
  }
}

/** What makes the compiled form stale when it changes. */
function inputsOf(
  projectRoot: string,
  snapshot: SourceSnapshot,
  packageJsons: readonly string[],
): InputFile[] {
  const read = [...snapshot.files].map(([path, file]) => ({ ...file, path }));
  const watched = packageJsons.map((path) => {
    const stat = statSync(path, { bigint: true });
    return { path, stat, sha256: digestOf(readFileSync(path)) };
  });
  const isWatched = (path: string): boolean =>
    isPackaged(posixRelative(projectRoot, path))
      ? basename(path) === "package.json" && !packageJsons.includes(path)
      : true;
  return [...read.filter(({ path }) => isWatched(path)), ...watched].map(({ path, stat, sha256 }) => ({
    path,
    stat: statText(stat),
    sha256,
    racy: isRacy(stat, Date.now()),
  }));
}
