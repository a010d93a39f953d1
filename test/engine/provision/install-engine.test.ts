import { spawnSync } from "node:child_process";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { engineCacheFolder, platformName } from "../../../src/engine/provision/engine-build.ts";
import { engineStatus } from "../../../src/engine/provision/engine-status.ts";
import type { InstallProgress } from "../../../src/engine/provision/install-context.ts";
import { installEngine, type InstallResult } from "../../../src/engine/provision/install-engine.ts";
import { WHEEL_PINS } from "../../../src/engine/provision/wheels/wheel-pins.ts";
import type { BuildKind } from "../../../src/engine/provision/installed-builds.ts";
import { fakeBuild, useSandbox } from "./sandbox.ts";

const sandbox = useSandbox();
const phases: string[] = [];
const install = (signal?: AbortSignal): Promise<InstallResult> => {
  phases.length = 0;
  const onProgress = ({ phase }: InstallProgress) => phases.push(phase);
  return installEngine({ bindingPackage: sandbox.bindingPackage, onProgress, signal });
};

const works = (command: string, ...args: string[]) => spawnSync(command, args).status === 0;
const missing = [
  WHEEL_PINS[platformName()] === undefined ? [`a wheel for ${platformName()}`] : [],
  works("python3", "-m", "pip", "--version") ? [] : ["python3 with pip"],
  works("g++", "--version") ? [] : ["g++"],
].flat();
const withTools = (name: string): [string, typeof test | typeof test.skip] =>
  missing.length === 0 ? [name, test] : [`${name} (skipped: needs ${missing.join(", ")})`, test.skip];

const leftovers = async () =>
  (await readdir(engineCacheFolder())).filter((name) => name.startsWith("partial"));

test("a build that is in the cache is linked, with no tool and no network", async () => {
  const folder = await fakeBuild(sandbox, "wheel");
  process.env["PATH"] = "";
  const expected = { kind: "tensorflow", how: "present", version: "2.21.0", path: folder, failed: [] };
  expect(await install()).toEqual(expected);
  expect(phases).toEqual(["link"]);
  expect((await engineStatus(undefined, sandbox.bindingPackage)).tensorflow.state).toBe("linked");
  expect(await install()).toEqual(expected);
  expect(phases).toEqual([]);
});

test("where no way works, each says why, and nothing is left behind", async () => {
  const tools = join(sandbox.folder, "tools");
  await mkdir(tools);
  process.env["PATH"] = tools;
  const result = await install();
  expect(result).toEqual({
    kind: "wasm",
    failed: [
      { way: "package-installer", reason: expect.stringMatching(/^node failed .*ECONNREFUSED/) as string },
      {
        way: "wheel",
        reason:
          WHEEL_PINS[platformName()] === undefined
            ? `there is no TensorFlow wheel for ${platformName()}`
            : "python3 is not installed",
      },
    ],
  });
  expect(await leftovers()).toEqual([]);
});

{
  const [name, run] = withTools("a missing compiler is named before anything is downloaded");
  run(name, async () => {
    process.env["CXX"] = "no-such-compiler";
    const result = await install();
    expect(result.failed[1]).toEqual({ way: "wheel", reason: "no-such-compiler is not installed" });
    expect(phases).not.toContain("download");
  });
}

{
  const [name, run] = withTools("an index without the wheel is a reason, in pip's words");
  run(name, async () => {
    process.env["PIP_NO_INDEX"] = "1";
    process.env["PIP_FIND_LINKS"] = sandbox.folder;
    const result = await install();
    expect(result.failed[1]?.reason).toMatch(
      /^python3 failed with exit code 1: ERROR: No matching distribution/,
    );
  });
}

/** A wheel that pip accepts, under the pinned name, with other content. */
const FORGE = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    info = sys.argv[2].replace("-", "_") + "-" + sys.argv[3] + ".dist-info/"
    wheel.writestr(info + "METADATA", f"Metadata-Version: 2.1\\nName: {sys.argv[2]}\\nVersion: {sys.argv[3]}\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: false\\n")
    wheel.writestr(info + "RECORD", "")
`;

{
  const [name, run] = withTools("a wheel with another digest stops everything, naming file and both digests");
  run(name, async () => {
    const pin = WHEEL_PINS[platformName()];
    if (pin === undefined) throw new Error("checked above");
    const links = join(sandbox.folder, "links");
    await mkdir(links);
    const forged = spawnSync("python3", ["-c", FORGE, join(links, pin.file), pin.project, pin.version]);
    expect(forged.status, String(forged.stderr)).toBe(0);
    process.env["PIP_NO_INDEX"] = "1";
    process.env["PIP_FIND_LINKS"] = links;
    await expect(install()).rejects.toMatchObject({
      code: "DIGEST_MISMATCH",
      message: expect.stringMatching(
        new RegExp(`^${pin.file}: expected sha256 ${pin.sha256}, got [0-9a-f]{64}$`),
      ) as string,
    });
    expect(phases.at(-1)).toBe("verify");
    expect(await leftovers()).toEqual([]);
    expect((await engineStatus(undefined, sandbox.bindingPackage)).tensorflow.state).toBe("absent");
  });
}

test("an interruption ends the installation and cleans up", async () => {
  await expect(install(AbortSignal.abort())).rejects.toMatchObject({ code: "ABORTED" });
  expect(await leftovers()).toEqual([]);
});

test("what a killed installation left is swept away, what a living one works on is not", async () => {
  const root = engineCacheFolder();
  // A process that has ended for certain, and one that lives: this one's parent.
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  const [stale, busy] = [dead, process.ppid].map((pid) => `partial-${hostname()}-${pid}-abc`);
  const foreign = "partial-another.host-1-abc";
  for (const name of [stale, busy, foreign]) await mkdir(join(root, String(name)), { recursive: true });
  process.env["PATH"] = "";
  expect((await install()).kind).toBe("wasm");
  expect(await leftovers()).toEqual([foreign, busy].sort());
});

test("a cache folder that cannot be made is an error with a way out", async () => {
  const file = join(sandbox.folder, "file");
  await writeFile(file, "");
  process.env["XDG_CACHE_HOME"] = file;
  await expect(install()).rejects.toMatchObject({ code: "ENGINE_CACHE_UNWRITABLE" });
});

test("the package is not changed by a failed attempt", async () => {
  const before = await readdir(sandbox.bindingPackage.folder);
  await symlink(sandbox.folder, join(sandbox.folder, "tools"));
  process.env["PATH"] = join(sandbox.folder, "tools");
  await install();
  expect(await readdir(sandbox.bindingPackage.folder)).toEqual(before);
});

test("each kind has its own build: one that is there does not stand for the other", async () => {
  const cpu = await fakeBuild(sandbox, "wheel");
  const tools = join(sandbox.folder, "tools");
  await mkdir(tools);
  process.env["PATH"] = tools;
  const wanted = (kind: BuildKind) => installEngine({ bindingPackage: sandbox.bindingPackage, kind });
  expect(await wanted("cpu")).toMatchObject({ how: "present", path: cpu });
  expect(await wanted("gpu")).toMatchObject({
    kind: "wasm",
    failed: [{ way: "cuda-wheel" }, { way: "package-installer" }],
  });
  const gpu = await fakeBuild(sandbox, "cuda-wheel", []);
  expect(await wanted("gpu")).toMatchObject({ how: "present", path: gpu, cuda: "CUDA of unknown version" });
  expect(await wanted("cpu")).toMatchObject({ how: "present", path: cpu });
});
