/** A cache folder and a copy of the npm package of a test's own, so that no real engine is touched. */
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { findBindingPackage, type BindingPackage } from "../../../src/engine/provision/binding-package.ts";
import {
  BINDING_FILE,
  buildFolder,
  type BuildRecord,
  type BuildWay,
} from "../../../src/engine/provision/engine-build.ts";
import { TENSORFLOW_VERSIONS } from "../../../src/engine/provision/installed-builds.ts";
import { writeBuildRecord } from "../../../src/engine/provision/write-build-record.ts";

export interface Sandbox {
  readonly folder: string;
  readonly bindingPackage: BindingPackage;
}

const ENVIRONMENT = [
  ...["XDG_CACHE_HOME", "PIPELINE_ENGINE", "PATH", "CXX", "CDN_STORAGE", "TFJS_NODE_BASE_URI"],
  ...["PIP_NO_INDEX", "PIP_FIND_LINKS", "CUDA_VISIBLE_DEVICES", "TF_XLA_FLAGS", "TF_ENABLE_ONEDNN_OPTS"],
];

/** Fresh before each test; the environment is restored after it. */
export function useSandbox(): Sandbox {
  const sandbox = { folder: "", bindingPackage: { folder: "", version: "" } };
  const saved = new Map<string, string | undefined>();
  beforeEach(async () => {
    for (const name of ENVIRONMENT) saved.set(name, process.env[name]);
    const real = findBindingPackage();
    if (real === undefined) throw new Error("npm ci has not been run");
    const folder = await mkdtemp(join(tmpdir(), "engine-test-"));
    const copy = join(folder, "node_modules", "@tensorflow", "tfjs-node-gpu");
    const leftOut = [join(real.folder, "lib"), join(real.folder, "deps")];
    await cp(real.folder, copy, { recursive: true, filter: (source) => !leftOut.includes(source) });
    // What the package's installer requires, it finds beside the real package.
    await symlink(dirname(dirname(real.folder)), join(copy, "node_modules"));
    sandbox.folder = folder;
    sandbox.bindingPackage = { folder: copy, version: real.version };
    process.env["XDG_CACHE_HOME"] = join(folder, "cache");
    // Nobody listens there: the package's installer fails at once instead of fetching 400 MB.
    process.env["CDN_STORAGE"] = "http://127.0.0.1:9/";
    for (const name of ["PIPELINE_ENGINE", "TFJS_NODE_BASE_URI", "CXX"])
      Reflect.deleteProperty(process.env, name);
  });
  afterEach(async () => {
    for (const [name, value] of saved)
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    await rm(sandbox.folder, { recursive: true, force: true });
  });
  return sandbox;
}

/** A folder that looks like a finished build, with text where libraries would be. */
export async function fakeBuild(
  { bindingPackage }: Sandbox,
  way: BuildWay,
  cudaWheels?: BuildRecord["cudaWheels"],
): Promise<string> {
  const tensorflow = TENSORFLOW_VERSIONS[way];
  const folder = buildFolder(way, bindingPackage.version, tensorflow);
  await mkdir(dirname(join(folder, BINDING_FILE)), { recursive: true });
  await writeFile(join(folder, BINDING_FILE), "binding");
  await mkdir(join(folder, "deps", "lib"), { recursive: true });
  await writeFile(join(folder, "deps", "lib", "libtensorflow_cc.so.2"), "library");
  await writeBuildRecord(folder, { way, tensorflow, binding: bindingPackage.version, cudaWheels });
  return folder;
}
