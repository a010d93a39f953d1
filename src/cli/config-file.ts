/** `--config`: a file, or the name of a recipe in configs/. */
import { existsSync, readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { userError } from "../errors.ts";
import { nearest } from "../std/nearest.ts";

const extension = /\.ya?ml$/;

/** Returns an absolute path. Throws `CONFIG_NOT_FOUND`, which names the recipes there are. */
export function configFile(
  nameOrFile: string,
  { projectRoot, workingDirectory }: { readonly projectRoot: string; readonly workingDirectory: string },
): string {
  const isFile = extension.test(nameOrFile) || /[/\\]/.test(nameOrFile);
  const candidates = isFile
    ? [resolve(workingDirectory, nameOrFile), resolve(projectRoot, nameOrFile)]
    : [join(projectRoot, "configs", `${nameOrFile}.yaml`), join(projectRoot, "configs", `${nameOrFile}.yml`)];
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found !== undefined) return found;
  const names = recipeNames(projectRoot);
  const close = nearest(basename(nameOrFile).replace(extension, ""), names);
  throw userError(
    "CONFIG_NOT_FOUND",
    `there is no config ${nameOrFile} (looked for ${candidates[0] ?? nameOrFile})`,
    names.length === 0
      ? "put a recipe into configs/, e.g. configs/tiny.yaml"
      : `${close === undefined ? "" : `did you mean ${close}? `}recipes in configs/: ${names.join(", ")}`,
  );
}

/** What `--config` takes by name. */
export function recipeNames(projectRoot: string): readonly string[] {
  const folder = join(projectRoot, "configs");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => extension.test(file))
    .map((file) => file.replace(extension, ""))
    .sort();
}
