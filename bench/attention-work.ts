/**
 * `attention-work.mjs JSON`: forward and backward pass of causal attention alone, whole and in blocks of several lengths in
 * turn, in a process of its own. Prints milliseconds of each call and the most memory that the process ever had.
 */
import { openEngine } from "../src/engine/open-engine.ts";
import { causalAttention } from "../src/model/causal-attention.ts";
import { createRandom } from "../src/data/random.ts";
import { gradients } from "../src/tensor/gradients.ts";
import { mul, sum } from "../src/tensor/ops.ts";
import { defineProgram, defineVariable, readVariable, type ProgramFunction } from "../src/tensor/program.ts";
import { float32, sizeOf, type Shape } from "../src/tensor/types.ts";

export interface AttentionJob {
  /** (B, H, T, D) and (B, K, T, D). */
  readonly queries: Shape;
  readonly keys: Shape;
  readonly blockLengths: readonly number[];
  readonly rounds: number;
}

export interface AttentionWork {
  readonly system: string;
  /** Of each round, by block length. */
  readonly milliseconds: Readonly<Record<number, readonly number[]>>;
  readonly peakRssMb: number;
}

const { queries, keys, blockLengths, rounds } = JSON.parse(process.argv[2] ?? "") as AttentionJob;
const variables = [
  defineVariable("queries", queries),
  defineVariable("keys", keys),
  defineVariable("values", keys),
  defineVariable("weights", queries),
] as const;
const [q, k, v, w] = variables.map(readVariable);
if (q === undefined || k === undefined || v === undefined || w === undefined) throw new Error("no variables");

const functionOf = (blockLength: number): ProgramFunction => {
  const attend = causalAttention(queries[2] ?? 0, { blockLength });
  const loss = sum(mul(attend(q, k, v), w));
  const fetches = Object.fromEntries(
    [loss, ...gradients(loss, [q, k, v]).map((dx) => sum(mul(dx, dx)))].entries(),
  );
  return { name: String(blockLength), feeds: [], fetches, effects: [] };
};

const engine = await openEngine();
await using executable = await engine.compile(
  defineProgram({ variables, functions: blockLengths.map(functionOf) }),
);
const random = createRandom(0);
for (const { name, shape } of variables)
  await executable.writeVariable(
    name,
    float32(
      shape,
      Float32Array.from({ length: sizeOf(shape) }, () => random.nextGaussian()),
    ),
  );
const milliseconds: Record<number, number[]> = {};
for (let round = -1; round < rounds; round++)
  for (const blockLength of blockLengths) {
    const start = performance.now();
    await executable.call(String(blockLength), {});
    if (round >= 0) (milliseconds[blockLength] ??= []).push(performance.now() - start);
  }
const { kind, version, device } = engine.identity;
const work: AttentionWork = {
  system: `${kind} ${version} on the ${device}`,
  milliseconds,
  peakRssMb: process.resourceUsage().maxRSS / 1024,
};
console.log(JSON.stringify(work));
