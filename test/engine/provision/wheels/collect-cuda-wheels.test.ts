import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cudaLabel, cudaText } from "../../../../src/engine/provision/cuda-label.ts";
import { collectCudaWheels } from "../../../../src/engine/provision/wheels/collect-cuda-wheels.ts";
import { indexAt } from "../../../../src/engine/provision/wheels/package-index.ts";
import { unpackWheel } from "../../../../src/engine/provision/wheels/unpack-wheel.ts";
import { temporaryDirectory } from "../../../data/sources/temporary-directory.ts";
import { buildWheel, serveWheels, skipWithoutPython, withPython, type FakeWheel } from "./fake-wheels.ts";
import type { Handler } from "../../../data/sources/http-server.ts";

const linux = "manylinux_2_17_x86_64";
const TENSORFLOW: FakeWheel = {
  file: `tensorflow-2.21.0-cp311-cp311-${linux}.whl`,
  requires: [
    "numpy>=1.26.0",
    'nvidia-cuda-runtime-cu12<13.0,>=12.5; extra == "and-cuda"',
    'nvidia-cudnn-cu12<10.0,>=9.3; extra == "and-cuda"',
  ],
  files: {
    "tensorflow/libtensorflow_cc.so.2": "cc",
    "tensorflow/include/tensorflow/c/c_api.h": "header",
    "tensorflow/python/large.so": "not wanted",
  },
};
const RUNTIME: FakeWheel = {
  file: `nvidia_cuda_runtime_cu12-12.9.79-py3-none-${linux}.whl`,
  files: {
    "nvidia/cuda_runtime/lib/libcudart.so.12": "cudart",
    "nvidia/cuda_runtime/lib/libcudart_static.a": "not wanted",
    "nvidia/cuda_runtime/include/cuda.h": "not wanted",
    "nvidia_cuda_runtime_cu12-12.9.79.dist-info/License.txt": "licence",
  },
};
const CUDNN: FakeWheel = {
  file: `nvidia_cudnn_cu12-9.14.0.64-py3-none-${linux}.whl`,
  requires: ["nvidia-cublas-cu12"],
  files: { "nvidia/cudnn/lib/libcudnn.so.9": "cudnn" },
};
const NVCC: FakeWheel = {
  file: `nvidia_cublas_cu12-12.9.3.13-py3-none-${linux}.whl`,
  files: {
    "nvidia/cublas/lib/libcublas.so.12": "cublas",
    "nvidia/cuda_nvcc/bin/ptxas": { x: "ptxas" },
    "nvidia/cuda_nvcc/bin/cicc": { x: "not wanted" },
    "nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc": "device library",
  },
};

async function setUp(wheels: readonly FakeWheel[], before?: (...request: Parameters<Handler>) => boolean) {
  const folder = await temporaryDirectory();
  const index = await serveWheels(folder, wheels, before);
  const messages: string[] = [];
  const notices: string[] = [];
  const cudaFolder = join(folder, "build", "deps");
  const downloadFolder = join(folder, "downloads");
  const collect = (sha256 = index.sha256(TENSORFLOW.file), retries = 0) =>
    collectCudaWheels(
      {
        bindingPackage: { folder, version: "4.22.0" },
        workFolder: folder,
        downloadFolder,
        onProgress: ({ message }) => messages.push(message),
        onNotice: (message) => notices.push(message),
        signal: undefined,
      },
      {
        index: indexAt(index.address, { retries, minTimeoutMs: 1 }),
        pin: { project: "tensorflow", version: "2.21.0", file: TENSORFLOW.file, sha256, extra: "and-cuda" },
        platform: { arch: "x64", glibc: [2, 31] },
        downloadFolder,
        tensorflowFolder: join(folder, "wheel"),
        cudaFolder,
      },
    );
  return { folder, index, messages, notices, cudaFolder, downloadFolder, collect };
}

const files = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

describe.skipIf(skipWithoutPython)(withPython("the wheels of CUDA"), () => {
  test("are those that TensorFlow names and those that these name, laid out beside one another", async () => {
    const { folder, collect, cudaFolder } = await setUp([TENSORFLOW, RUNTIME, CUDNN, NVCC]);
    const wheels = await collect();
    expect(wheels.map(({ project, version }) => `${project} ${version}`)).toEqual([
      "nvidia-cublas-cu12 12.9.3.13",
      "nvidia-cuda-runtime-cu12 12.9.79",
      "nvidia-cudnn-cu12 9.14.0.64",
    ]);
    expect(await files(cudaFolder)).toEqual([
      "nvidia/cublas/lib/libcublas.so.12",
      "nvidia/cuda_nvcc/bin/ptxas",
      "nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc",
      "nvidia/cuda_runtime/lib/libcudart.so.12",
      "nvidia/cudnn/lib/libcudnn.so.9",
      "nvidia_cuda_runtime_cu12-12.9.79.dist-info/License.txt",
    ]);
    expect(await files(join(folder, "wheel"))).toEqual([
      "tensorflow/include/tensorflow/c/c_api.h",
      "tensorflow/libtensorflow_cc.so.2",
    ]);
    // XLA starts ptxas as a program.
    expect((await stat(join(cudaFolder, "nvidia/cuda_nvcc/bin/ptxas"))).mode & 0o111).toBe(0o111);
    expect(cudaText({ cudaWheels: [...wheels] })).toBe("CUDA 12.9.79, cuDNN 9.14.0.64");
    expect(cudaLabel({ cudaWheels: [...wheels] })).toMatch(/^\+cuda12\.9\.79\.[0-9a-f]{8}$/u);
    const other = wheels.map((wheel, place) => (place === 0 ? { ...wheel, sha256: "f".repeat(64) } : wheel));
    expect(cudaLabel({ cudaWheels: other })).not.toBe(cudaLabel({ cudaWheels: [...wheels] }));
  });

  test("are fetched once: the next try takes what is there, and checks it", async () => {
    let refuse = true;
    const { index, collect, downloadFolder, cudaFolder } = await setUp(
      [TENSORFLOW, RUNTIME, CUDNN, NVCC],
      (request, response) => {
        if (!refuse || request.url !== `/files/${NVCC.file}`) return false;
        response.writeHead(403).end();
        return true;
      },
    );
    await expect(collect()).rejects.toMatchObject({
      code: "ENGINE_WAY_FAILED",
      message: expect.stringContaining(NVCC.file) as string,
    });
    refuse = false;
    const before = index.fetched().length;
    // What was unpacked is thrown away with the work folder; here, by hand.
    await rm(cudaFolder, { recursive: true });
    await rm(join(downloadFolder, "..", "wheel"), { recursive: true });
    const damaged = join(downloadFolder, "by-digest", index.sha256(RUNTIME.file));
    await writeFile(damaged, (await readFile(damaged)).fill(0, 10, 20));
    await collect();
    expect(index.fetched().slice(before)).toEqual([RUNTIME.file, NVCC.file]);
  });

  test("a wheel that is not what the index states is refused and removed", async () => {
    const { collect, downloadFolder } = await setUp(
      [TENSORFLOW, RUNTIME, CUDNN, NVCC],
      (request, response) => {
        if (request.url !== `/files/${CUDNN.file}`) return false;
        response.writeHead(200).end("x".repeat(1_000_000));
        return true;
      },
    );
    await expect(collect()).rejects.toMatchObject({
      code: "DIGEST_MISMATCH",
      message: expect.stringContaining(CUDNN.file) as string,
    });
    expect((await files(downloadFolder)).filter((name) => name.endsWith(".partial"))).toEqual([]);
  });

  test("an index with another TensorFlow under the pinned name stops everything before it is fetched", async () => {
    const { index, collect } = await setUp([TENSORFLOW, RUNTIME]);
    await expect(collect("b".repeat(64))).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    expect(index.fetched()).toEqual([]);
  });

  test("a requirement that nothing fits is named, and before CUDA's wheels are fetched", async () => {
    const { index, collect } = await setUp([TENSORFLOW, RUNTIME]);
    await expect(collect()).rejects.toThrow("simple/nvidia-cudnn-cu12/ answered 404");
    expect(index.fetched()).toEqual([TENSORFLOW.file]);
  });

  test("a version that another wheel excludes is an error, not a guess", async () => {
    const strict: FakeWheel = { ...CUDNN, requires: ["nvidia-cuda-runtime-cu12>=12.10"] };
    const { collect } = await setUp([TENSORFLOW, RUNTIME, strict, NVCC]);
    await expect(collect()).rejects.toThrow(
      `${CUDNN.file} needs nvidia-cuda-runtime-cu12 >=12.10, but 12.9.79 was taken`,
    );
  });

  test("every request that is tried again is told: of the page, of a size, of a file", async () => {
    const failed = new Set<string>();
    const { index, notices, collect } = await setUp(
      [TENSORFLOW, RUNTIME, CUDNN, NVCC],
      (request, response) => {
        const what = `${request.method} ${request.url}`;
        const isFirst = what.includes("tensorflow") && !failed.has(what);
        if (what === "GET /simple/nvidia-cudnn-cu12/") {
          // An index that does not tell sizes: they are asked of the files.
          const hashes = { sha256: index.sha256(CUDNN.file) };
          const files = [{ filename: CUDNN.file, url: `/files/${CUDNN.file}`, hashes }];
          response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ files }));
          return true;
        }
        if (!isFirst && !(request.method === "HEAD" && !failed.has(what))) return false;
        failed.add(what);
        response.writeHead(503).end();
        return true;
      },
    );
    await collect(undefined, 1);
    const shortened = notices.map((notice) =>
      notice.replace(/^.*\/simple\//u, "/simple/").replace(/ in [\d.]+ s/u, ""),
    );
    expect(shortened).toEqual(
      ["/simple/tensorflow/", TENSORFLOW.file, CUDNN.file].map(
        (what) => `${what}: the server answered 503; trying again (the last try)`,
      ),
    );
    expect(failed.size).toBe(3);
  });

  test("without a network the reason names the address", async () => {
    const { index, collect } = await setUp([TENSORFLOW]);
    await index.server[Symbol.asyncDispose]();
    await expect(collect()).rejects.toMatchObject({
      code: "NETWORK_UNAVAILABLE",
      message: expect.stringContaining("/simple/tensorflow/ could not be fetched") as string,
    });
  });

  test.each(["../outside.so", "/tmp/outside.so", "nvidia/../../outside.so", "nvidia\\..\\outside.so"])(
    "a path that leads out of the folder is refused before anything is written: %s",
    async (path) => {
      const folder = await temporaryDirectory();
      const file = `evil-1.0-py3-none-${linux}.whl`;
      await buildWheel(folder, { file, files: { "nvidia/first/lib/a.so": "fine", [path]: "evil" } });
      const target = join(folder, "target");
      const unpacking = { wheel: join(folder, file), folder: target, wanted: [".*"], maxBytes: 1e6 };
      await expect(unpackWheel({ signal: undefined }, unpacking)).rejects.toThrow(
        "a path that leads out of it",
      );
      expect((await readdir(folder)).sort()).toEqual([file]);
    },
  );

  test("more than is allowed is refused before anything is written", async () => {
    const folder = await temporaryDirectory();
    const file = `large-1.0-py3-none-${linux}.whl`;
    await buildWheel(folder, { file, files: { "nvidia/a/lib/a.so": "0".repeat(5000) } });
    const unpacking = {
      wheel: join(folder, file),
      folder: join(folder, "target"),
      wanted: [".*so"],
      maxBytes: 4999,
    };
    await expect(unpackWheel({ signal: undefined }, unpacking)).rejects.toThrow(
      "5000 bytes would be unpacked, where 4999 are allowed",
    );
    expect((await readdir(folder)).sort()).toEqual([file]);
  });
});
