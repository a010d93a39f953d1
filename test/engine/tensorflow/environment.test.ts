/** Settings that TensorFlow reads once, while it loads: each in a process of its own, trained from the same weights. */
import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compileProcess, type CompiledProcess } from "../../compiled-process.ts";
import { describeNative } from "./native.ts";

const xla = { TF_XLA_FLAGS: "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit" };

/** Processes that load TensorFlow may have to wait for each other. */
const patience = { timeout: 300_000 };

describeNative("a training in a process of its own", () => {
  let script: CompiledProcess | undefined;
  beforeAll(async () => {
    script = await compileProcess(join(import.meta.dirname, "train-digest.ts"));
  });
  afterAll(() => script?.[Symbol.dispose]());
  const train = async (settings: Readonly<Record<string, string>>) => {
    const environment = {
      ...process.env,
      CUDA_VISIBLE_DEVICES: "-1",
      PIPELINE_ENGINE: "tensorflow",
      ...settings,
    };
    const { stdout } = await promisify(execFile)(process.execPath, [script?.path ?? ""], {
      env: environment,
    });
    return JSON.parse(stdout) as {
      version: string;
      threadsPerOperation: number;
      loss: number;
      digest: string;
    };
  };

  test(
    "gives the same bytes each time, compiled by XLA or not; and XLA shows in its identity",
    patience,
    async () => {
      const [plain, again] = [await train({}), await train({})];
      expect(again).toEqual(plain);
      const [compiled, compiledAgain] = [await train(xla), await train(xla)];
      expect(compiledAgain).toEqual(compiled);
      expect(compiled.version).toBe(`${plain.version} TF_XLA_FLAGS=${xla.TF_XLA_FLAGS}`);
      expect(compiled.digest).not.toBe(plain.digest);
      expect(Math.abs(compiled.loss - plain.loss)).toBeLessThan(1e-4);
    },
  );

  test("knows how many threads share an operation", patience, async () => {
    const counted = async (settings: Readonly<Record<string, string>>) =>
      (await train(settings)).threadsPerOperation;
    expect(await counted({})).toBe(availableParallelism());
    expect(await counted({ TF_NUM_INTRAOP_THREADS: "3" })).toBe(3);
  });

  test("gives the same bytes where determinism is asked for", patience, async () => {
    expect(await train({ TF_DETERMINISTIC_OPS: "1" })).toEqual(await train({}));
  });
});
