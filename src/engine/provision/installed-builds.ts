/** The built engines that fit this project's binding package: the linked one, or those in the cache folder. */
import { readLink, type BindingPackage } from "./binding-package.ts";
import { buildFolder, readBuild, type BuildWay, type EngineBuild } from "./engine-build.ts";
import { PACKAGE_TENSORFLOW_VERSION } from "./package-installer-way.ts";
import { WHEEL_TENSORFLOW_VERSION } from "./wheel-pins.ts";

/** What each way installs. In the order in which the ways are tried and preferred. */
export const TENSORFLOW_VERSIONS: Readonly<Record<BuildWay, string>> = {
  "package-installer": PACKAGE_TENSORFLOW_VERSION,
  wheel: WHEEL_TENSORFLOW_VERSION,
};
export const BUILD_WAYS: readonly BuildWay[] = ["package-installer", "wheel"];

export const buildFolders = ({ version }: BindingPackage): string[] =>
  BUILD_WAYS.map((way) => buildFolder(way, version, TENSORFLOW_VERSIONS[way]));

/** The build that the package's loader would take, unless it is broken or of other versions than ours. */
export async function findLinkedBuild(bindingPackage: BindingPackage): Promise<EngineBuild | undefined> {
  const link = await readLink(bindingPackage);
  const build = link.kind === "link" ? await readBuild(link.buildFolder) : undefined;
  if (build === undefined) return undefined;
  const { binding, tensorflow, way } = build.record;
  const current = binding === bindingPackage.version && tensorflow === TENSORFLOW_VERSIONS[way];
  return current ? build : undefined;
}

/** The preferred one of the builds that stand in the cache, if any. */
export async function findCachedBuild(bindingPackage: BindingPackage): Promise<EngineBuild | undefined> {
  for (const folder of buildFolders(bindingPackage)) {
    const build = await readBuild(folder);
    if (build !== undefined) return build;
  }
  return undefined;
}
