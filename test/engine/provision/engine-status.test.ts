import { mkdir, rename, rm, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { readLink } from "../../../src/engine/provision/binding-package.ts";
import { BINDING_FILE } from "../../../src/engine/provision/engine-build.ts";
import { engineStatus } from "../../../src/engine/provision/engine-status.ts";
import { linkEngine } from "../../../src/engine/provision/link-engine.ts";
import { removeEngine } from "../../../src/engine/provision/remove-engine.ts";
import { fakeBuild, useSandbox } from "./sandbox.ts";

const sandbox = useSandbox();
const status = (kind?: "tensorflow" | "wasm" | "cpu") => engineStatus(kind, sandbox.bindingPackage);

const CUDA_WHEELS = [
  { project: "nvidia-cuda-runtime-cu12", version: "12.9.79", file: "a.whl", sha256: "0".repeat(64) },
];
const WASM = { kind: "wasm", version: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string, device: "cpu" };
const NATIVE = { kind: "tensorflow", version: "2.21.0", device: "cpu" };

test("without a build the wasm interpreter is chosen, and the reason is told", async () => {
  expect(await status()).toEqual({
    chosen: WASM,
    reasons: ["native TensorFlow is not installed"],
    tensorflow: { state: "absent", reason: "native TensorFlow is not installed" },
  });
});

test("a build in the cache is chosen, linked or not", async () => {
  const folder = await fakeBuild(sandbox, "wheel");
  const installed = await status();
  expect(installed).toMatchObject({
    chosen: NATIVE,
    tensorflow: { state: "installed", path: folder, how: "wheel" },
  });
  await linkEngine(sandbox.bindingPackage);
  const linked = await status();
  expect(linked).toMatchObject({ chosen: NATIVE, tensorflow: { state: "linked", path: folder } });
  // Which of the two it is must not show in a fingerprint.
  expect(linked.chosen).toEqual(installed.chosen);
});

test("a build whose file is cut short or gone is no engine", async () => {
  const folder = await fakeBuild(sandbox, "wheel");
  await linkEngine(sandbox.bindingPackage);
  await truncate(join(folder, "deps", "lib", "libtensorflow_cc.so.2"), 3);
  expect((await status()).chosen).toEqual(WASM);
  await rm(join(folder, "deps"), { recursive: true });
  expect((await status()).chosen).toEqual(WASM);
});

test("a folder without a record, as a killed unpacking would leave it, is no engine", async () => {
  const folder = await fakeBuild(sandbox, "wheel");
  await writeFile(join(folder, "engine.json"), '{"format":1,');
  expect((await status()).tensorflow.state).toBe("absent");
  await rm(join(folder, "engine.json"));
  expect((await status()).tensorflow.state).toBe("absent");
});

test("a link to a build that has moved away is replaced by one to a build that is there", async () => {
  const old = await fakeBuild(sandbox, "wheel");
  await linkEngine(sandbox.bindingPackage);
  await rename(old, `${old}-elsewhere`);
  expect((await status()).tensorflow.state).toBe("absent");
  const other = await fakeBuild(sandbox, "package-installer");
  await linkEngine(sandbox.bindingPackage);
  expect(readLink(sandbox.bindingPackage)).toEqual({ kind: "link", buildFolder: other });
});

test("a binding that the package installed itself is used, with the version its files name", async () => {
  const { folder } = sandbox.bindingPackage;
  await mkdir(dirname(join(folder, BINDING_FILE)), { recursive: true });
  await writeFile(join(folder, BINDING_FILE), "binding");
  await mkdir(join(folder, "deps", "lib"), { recursive: true });
  await writeFile(join(folder, "deps", "lib", "libtensorflow.so.2.9.1"), "library");
  process.env["CUDA_VISIBLE_DEVICES"] = "";
  expect(await status()).toMatchObject({
    chosen: { kind: "tensorflow", version: "2.9.1", device: "cpu" },
    tensorflow: { state: "linked", how: "package", path: folder },
  });
  await linkEngine(sandbox.bindingPackage);
  await removeEngine(sandbox);
  expect(readLink(sandbox.bindingPackage).kind).toBe("own");
});

test("PIPELINE_ENGINE decides, and says so", async () => {
  await fakeBuild(sandbox, "wheel");
  process.env["PIPELINE_ENGINE"] = "wasm";
  expect((await status()).chosen).toEqual(WASM);
  process.env["PIPELINE_ENGINE"] = "cpu";
  const { chosen, reasons } = await status();
  expect(chosen).toEqual({ ...WASM, kind: "cpu" });
  expect(reasons[0]).toBe("cpu was asked for (PIPELINE_ENGINE or an option)");
  expect((await status("tensorflow")).chosen).toEqual(NATIVE);
});

test("where TensorFlow with CUDA is installed it is used, linked or not, and its libraries are in its identity", async () => {
  const cpu = await fakeBuild(sandbox, "wheel");
  await linkEngine(sandbox.bindingPackage);
  const gpu = await fakeBuild(sandbox, "cuda-wheel", CUDA_WHEELS);
  const installed = await status();
  expect(installed.tensorflow).toMatchObject({ state: "installed", path: gpu, cudaText: "CUDA 12.9.79" });
  expect(installed.chosen).toEqual({
    ...NATIVE,
    version: expect.stringMatching(/^2\.21\.0\+cuda12\.9\.79\.[0-9a-f]{8}$/u) as string,
  });
  await linkEngine(sandbox.bindingPackage);
  expect((await status()).tensorflow.state).toBe("linked");
  expect((await status()).chosen).toEqual(installed.chosen);

  process.env["PIPELINE_ENGINE"] = "tensorflow-cpu";
  expect(await status()).toMatchObject({ chosen: NATIVE, tensorflow: { state: "installed", path: cpu } });
  process.env["PIPELINE_ENGINE"] = "tensorflow-gpu";
  expect((await status()).chosen).toEqual(installed.chosen);

  expect(await removeEngine({ ...sandbox, kind: "gpu" })).toEqual([gpu]);
  expect(readLink(sandbox.bindingPackage)).toEqual({ kind: "nothing" });
  await expect(status()).rejects.toMatchObject({
    code: "ENGINE_UNAVAILABLE",
    message: "the tensorflow-gpu engine was asked for, but native TensorFlow with CUDA is not installed",
    hint: "npx pipeline engine install --gpu",
  });
  process.env["PIPELINE_ENGINE"] = "";
  expect((await status()).chosen).toEqual(NATIVE);
});

test("asking for a tensorflow that is not there is an error with the command to run", async () => {
  process.env["PIPELINE_ENGINE"] = "tensorflow";
  await expect(status()).rejects.toMatchObject({
    code: "ENGINE_UNAVAILABLE",
    message: "the tensorflow engine was asked for, but native TensorFlow is not installed",
    hint: "npx pipeline engine install",
  });
  await expect(linkEngine(sandbox.bindingPackage)).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE" });
});

test("a word that names no engine is an error", async () => {
  process.env["PIPELINE_ENGINE"] = "cuda";
  await expect(status()).rejects.toMatchObject({ code: "ENGINE_UNKNOWN", kind: "user" });
});

test("removing takes away link and builds, and may be done twice", async () => {
  const build = await fakeBuild(sandbox, "wheel");
  await linkEngine(sandbox.bindingPackage);
  expect(await removeEngine(sandbox)).toEqual([build]);
  expect(readLink(sandbox.bindingPackage)).toEqual({ kind: "nothing" });
  expect((await status()).tensorflow.state).toBe("absent");
  expect(await removeEngine(sandbox)).toEqual([]);
});

test("what the environment changes of TensorFlow's results is part of its identity, and told", async () => {
  await fakeBuild(sandbox, "wheel");
  process.env["TF_ENABLE_ONEDNN_OPTS"] = "1";
  process.env["TF_XLA_FLAGS"] = "";
  expect((await status()).chosen).toEqual(NATIVE);
  process.env["TF_ENABLE_ONEDNN_OPTS"] = "0";
  process.env["TF_XLA_FLAGS"] = "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit";
  const settings = ["TF_XLA_FLAGS=--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit", "TF_ENABLE_ONEDNN_OPTS=0"];
  const { chosen, reasons } = await status();
  expect(chosen.version).toBe(`2.21.0 ${settings.join(" ")}`);
  expect(reasons.slice(1)).toEqual(settings.map((setting) => `${setting} changes what it computes`));
  expect((await status("wasm")).chosen).toEqual(WASM);
});
