/** The built engines that fit this project's binding package: those in the cache folder, and the linked one. */
import { readLink, type BindingPackage } from "./binding-package.ts";
import { buildFolder, readBuild, type BuildWay, type EngineBuild } from "./engine-build.ts";
import { PACKAGE_TENSORFLOW_VERSION } from "./package-installer-way.ts";
import { WHEEL_TENSORFLOW_VERSION } from "./wheels/wheel-pins.ts";

/** What each way installs. */
export const TENSORFLOW_VERSIONS: Readonly<Record<BuildWay, string>> = {
  "cuda-wheel": WHEEL_TENSORFLOW_VERSION,
  "package-installer": PACKAGE_TENSORFLOW_VERSION,
  wheel: WHEEL_TENSORFLOW_VERSION,
};

/** Preferred first, whichever is linked: two checkouts on one machine must not differ. CUDA's is only there on request. */
const PREFERENCE: readonly BuildWay[] = ["cuda-wheel", "package-installer", "wheel"];

/** A build for GPUs (which computes on the CPU where there is none), or one without CUDA. */
export type BuildKind = "cpu" | "gpu";

/** All that are sound and of our versions, preferred first. */
export function findBuilds(bindingPackage: BindingPackage, kind?: BuildKind): readonly EngineBuild[] {
  const link = readLink(bindingPackage);
  const linked = link.kind === "link" ? readBuild(link.buildFolder) : undefined;
  const found: EngineBuild[] = [];
  for (const way of PREFERENCE) {
    const usual = readBuild(buildFolder(way, bindingPackage.version, TENSORFLOW_VERSIONS[way]));
    // A linked build may stand elsewhere, where the cache folder was another one.
    if (linked?.record.way === way) found.push(linked);
    if (usual !== undefined && usual.folder !== linked?.folder) found.push(usual);
  }
  return found.filter(({ record: { binding, tensorflow, way, cuda } }) => {
    const current = binding === bindingPackage.version && tensorflow === TENSORFLOW_VERSIONS[way];
    return current && (kind === undefined || cuda === (kind === "gpu"));
  });
}

/** The preferred one, if any. */
export const findBuild = (bindingPackage: BindingPackage, kind?: BuildKind): EngineBuild | undefined =>
  findBuilds(bindingPackage, kind)[0];
