/** The package's own unmodified binding sources, compiled against TensorFlow's libraries and headers. */
import { mkdir, rename, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { BINDING_FILE, LIBRARY_FOLDER, NAPI_VERSION } from "./engine-build.ts";
import type { InstallContext } from "./install-context.ts";
import { runTool } from "./run-tool.ts";

const TIMEOUT_MS = 5 * 60_000;

const LIBRARIES = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"] as const;
/** The C interface and what it includes; the rest of the 260 MB of headers is of no use here. */
const HEADERS = ["tensorflow/c/", "tensorflow/core/platform/", "tsl/platform/", "xla/tsl/c/"] as const;

/** What is needed of the TensorFlow wheel, as `unpackWheel` takes it. */
export const WANTED_OF_TENSORFLOW: readonly string[] = [
  `tensorflow/(${LIBRARIES.join("|").replaceAll(".", "\\.")})`,
  `tensorflow/include/(${HEADERS.join("|")}).*`,
];

/** The program that compiles; throws `ENGINE_WAY_FAILED` where it or pip is not there. */
export async function checkTools(context: InstallContext): Promise<string> {
  const compiler = process.env["CXX"] ?? "g++";
  context.onProgress({ phase: "check-tools", message: `looking for python3, pip and ${compiler}` });
  await runTool(context, "python3", ["-m", "pip", "--version"], { timeoutMs: TIMEOUT_MS });
  await runTool(context, compiler, ["--version"], { timeoutMs: TIMEOUT_MS });
  return compiler;
}

/**
 * Leaves `lib/` and `deps/lib/` in `target`; `unpacked` holds what `WANTED_OF_TENSORFLOW` names, and loses the
 * libraries. Throws `ENGINE_WAY_FAILED`, `ABORTED`.
 */
export async function compileBinding(
  context: InstallContext,
  compiler: string,
  unpacked: string,
  target: string,
): Promise<void> {
  context.onProgress({ phase: "compile", message: "compiling the binding (about 15 s)" });
  const libraries = join(target, LIBRARY_FOLDER);
  await mkdir(libraries, { recursive: true });
  for (const name of LIBRARIES) await rename(join(unpacked, "tensorflow", name), join(libraries, name));
  // The names that the linker looks for by -ltensorflow and -ltensorflow_framework.
  await symlink("libtensorflow_cc.so.2", join(libraries, "libtensorflow.so"));
  await symlink("libtensorflow_framework.so.2", join(libraries, "libtensorflow_framework.so"));

  const { folder } = context.bindingPackage;
  const nodeHeaders = join(
    dirname(createRequire(import.meta.url).resolve("node-api-headers/package.json")),
    "include",
  );
  const binding = join(target, BINDING_FILE);
  await mkdir(dirname(binding), { recursive: true });
  // The same sources, include paths, libraries and run path as the package's binding.gyp.
  const args = [
    ...["-shared", "-fPIC", "-O2", "-std=c++17", `-DNAPI_VERSION=${NAPI_VERSION}`],
    ...[`-I${folder}`, `-I${nodeHeaders}`, `-I${join(unpacked, "tensorflow", "include")}`],
    ...["tfjs_backend.cc", "tfjs_binding.cc"].map((name) => join(folder, "binding", name)),
    ...[`-L${libraries}`, "-ltensorflow", "-ltensorflow_framework"],
    ...["-Wl,-rpath,$ORIGIN/../../deps/lib", "-o", binding],
  ];
  await runTool(context, compiler, args, { timeoutMs: TIMEOUT_MS });
}
