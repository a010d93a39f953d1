/** The tiny Llama of test/golden/llama, as `transformers` and `torch` computed it (see test/golden/README.md). */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Executable } from "../../src/engine/engine.ts";
import { loadLlama, openLlamaWeights } from "../../src/model/llama-files.ts";
import { listParameters } from "../../src/model/llama-parameters.ts";
import { openSafetensors } from "../../src/model/safetensors.ts";
import { int32, float32, type HostTensor } from "../../src/tensor/types.ts";

const folder = fileURLToPath(new URL("../golden/llama/", import.meta.url));
export const goldenPath = (file: string): string => folder + file;

export interface GoldenLlama {
  readonly inputs: number[][];
  readonly targets: number[][];
  readonly ignore_index: number;
  readonly loss: number;
  readonly grad_global_norm: number;
  readonly parameters: number;
  readonly adamw: {
    readonly trajectory: readonly {
      readonly step: number;
      readonly learning_rate: number;
      readonly loss_before: number;
      readonly grad_norm: number;
    }[];
    readonly loss_after: number;
  };
  readonly greedy: { readonly prompt: number[]; readonly continuation: number[] };
  readonly dpo: {
    readonly beta: number;
    readonly chosen: number[][];
    readonly chosen_mask: number[][];
    readonly rejected: number[][];
    readonly rejected_mask: number[][];
    readonly policy_chosen_logps: number[];
    readonly policy_rejected_logps: number[];
    readonly reference_chosen_logps: number[];
    readonly reference_rejected_logps: number[];
    readonly losses: number[];
    readonly loss: number;
    readonly rewards_chosen: number[];
    readonly rewards_rejected: number[];
    readonly accuracy: number;
    readonly grad_global_norm: number;
  };
}

// The file is ours and fixed; its shape is the interface above.
export const golden = JSON.parse(await readFile(goldenPath("expected.json"), "utf8")) as GoldenLlama;

const { config, ...files } = await loadLlama(folder);
await files[Symbol.asyncDispose]();
export const goldenConfig = config;

export const intMatrix = (rows: readonly (readonly number[])[]): HostTensor =>
  int32([rows.length, rows[0]?.length ?? 0], Int32Array.from(rows.flat()));

export const floatMatrix = (rows: readonly (readonly number[])[]): HostTensor =>
  float32([rows.length, rows[0]?.length ?? 0], Float32Array.from(rows.flat()));

/** The batch of the forward-backward case, with the ignored targets as a mask. */
export const goldenBatch = {
  inputs: intMatrix(golden.inputs),
  targets: intMatrix(golden.targets.map((row) => row.map((id) => Math.max(id, 0)))),
  lossMask: floatMatrix(golden.targets.map((row) => row.map((id) => Number(id !== golden.ignore_index)))),
};

export async function readGolden(file: string, names: readonly string[]): Promise<HostTensor[]> {
  await using tensors = await openSafetensors(goldenPath(file));
  const values: HostTensor[] = [];
  for (const name of names) values.push(await tensors.read(name));
  return values;
}

/** Puts the weights of a golden file into the model's variables. */
export async function loadGoldenWeights(executable: Executable, file = "model.safetensors"): Promise<void> {
  await using weights = await openLlamaWeights(goldenPath(file), goldenConfig);
  for (const { name } of listParameters(goldenConfig))
    await executable.writeVariable(name, await weights.read(name));
}

/** ‖a − b‖ / ‖b‖ */
export function relativeError(a: HostTensor | undefined, b: HostTensor | undefined): number {
  if (a === undefined || b === undefined || a.data.length !== b.data.length) return NaN;
  let [difference, norm] = [0, 0];
  b.data.forEach((value, index) => {
    difference += ((a.data[index] ?? NaN) - value) ** 2;
    norm += value ** 2;
  });
  return Math.sqrt(difference / norm);
}

export function largestDifference(a: HostTensor | undefined, b: HostTensor | undefined): number {
  if (a === undefined || b === undefined || a.data.length !== b.data.length) return NaN;
  let largest = 0;
  b.data.forEach((value, index) => {
    const difference = Math.abs((a.data[index] ?? NaN) - value);
    if (!(difference <= largest)) largest = difference; // NaN too
  });
  return largest;
}
