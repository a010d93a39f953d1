/**
 * Way 1: the package's own install script, which fetches Google's build of libtensorflow (with CUDA on
 * Linux) and a ready-made binding. It runs in a copy of the package, because it edits the package's manifest
 * while it works and leaves ruins where it fails.
 */
import { cp, mkdir, readdir, rename } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { reportGrowth, wayFailed, type InstallContext } from "./install-context.ts";
import { runTool } from "./run-tool.ts";

/** Some 400 MB over a slow line; a host that cannot be reached is noticed much sooner. */
const TIMEOUT_MS = 15 * 60_000;

/** The version that the script of tfjs-node-gpu 4.22.0 fetches (scripts/deps-constants.js). */
export const PACKAGE_TENSORFLOW_VERSION = "2.9.1";

/** Leaves `lib/` and `deps/lib/` in `target`; names no source, since nobody publishes a digest. Throws `ENGINE_WAY_FAILED`, `ABORTED`. */
export async function buildByPackageInstaller(
  context: InstallContext,
  target: string,
): Promise<Record<string, never>> {
  const { bindingPackage, workFolder, onProgress } = context;
  onProgress({ phase: "package-installer", message: "trying the installer of tfjs-node-gpu itself" });
  const copy = join(workFolder, "package");
  await cp(bindingPackage.folder, copy, {
    recursive: true,
    // Neither our link nor an earlier download belongs into a fresh installation.
    filter: (source) =>
      ![join(bindingPackage.folder, "lib"), join(bindingPackage.folder, "deps")].includes(source),
  });
  // The copy stands outside node_modules: its dependencies and their commands are found through the paths.
  const modules = [join(bindingPackage.folder, "node_modules"), dirname(dirname(bindingPackage.folder))];
  const commands = modules.map((folder) => join(folder, ".bin"));
  await reportGrowth(
    join(copy, "deps"),
    (megabytes) => onProgress({ phase: "package-installer", message: `fetched ${megabytes} MB` }),
    runTool(context, process.execPath, ["scripts/install.js", "gpu", "download"], {
      cwd: copy,
      env: {
        NODE_PATH: modules.join(delimiter),
        PATH: [...commands, process.env["PATH"] ?? ""].join(delimiter),
      },
      timeoutMs: TIMEOUT_MS,
    }),
  );
  const built = await readdir(join(copy, "lib")).catch(() => []);
  if (built.length === 0) throw wayFailed("the installer of tfjs-node-gpu ended without a binding");
  await mkdir(join(target, "deps"), { recursive: true });
  await rename(join(copy, "lib"), join(target, "lib"));
  await rename(join(copy, "deps", "lib"), join(target, "deps", "lib"));
  return {};
}
