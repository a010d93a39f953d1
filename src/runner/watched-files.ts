/** What a person may edit so that a stage becomes stale; `watch` looks at it. */
import { readFileSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import type { CompileRecord } from "./freshness.ts";
import type { OpenProject } from "./open-project.ts";
import type { WatchedFiles } from "./session-types.ts";
import { SETTINGS_FILE } from "./settings.ts";

export async function watchedFiles(project: OpenProject): Promise<WatchedFiles> {
  const { parts, projectRoot } = project;
  const { config, options } = parts;
  const recipes = await project.recipes();
  const folders = ["stages", "src"].map((name) => join(projectRoot, name)); // a new file there may be a new stage
  return {
    sources: [
      join(projectRoot, "pipeline.ts"),
      ...folders,
      ...outside(folders, compiledFrom(options.compiledDirectory)),
    ],
    recipes: [join(projectRoot, "configs"), ...outside([join(projectRoot, "configs")], config.files)],
    settings: join(projectRoot, SETTINGS_FILE),
    data: [
      ...new Set(
        recipes.flatMap(({ localFiles }) => localFiles).map(({ path }) => resolve(projectRoot, path)),
      ),
    ],
  };
}

/** Sources of the last compile; packages are watched by nobody: who installs one starts anew. */
function compiledFrom(compiledDirectory: string): readonly string[] {
  const file = join(dirname(compiledDirectory), "latest.json");
  const { inputs } = JSON.parse(readFileSync(file, "utf8")) as CompileRecord;
  return inputs.map(({ path }) => path).filter((path) => !path.split(sep).includes("node_modules"));
}

const outside = (folders: readonly string[], paths: readonly string[]): readonly string[] =>
  paths.filter((path) => !folders.some((folder) => path.startsWith(`${folder}${sep}`)));
