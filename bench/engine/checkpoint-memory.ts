/**
 * What writing and reading a checkpoint takes of JavaScript's memory: 117.7 M parameters, which stay in the runtime and pass
 * through one tensor at a time. Throws where as much as one copy of the model was held.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEngine } from "../../src/engine/open-engine.ts";
import { defineLlama } from "../../src/model/llama-config.ts";
import { defineParameters } from "../../src/model/llama-parameters.ts";
import { bytesOf } from "../../src/tensor/cost.ts";
import { defineProgram } from "../../src/tensor/program.ts";
import { findCheckpoint, restoreTensors, beginCheckpoint } from "../../src/train/checkpoint.ts";
import { row, type Benchmark } from "../row.ts";

const model = defineLlama({
  ...{ hiddenSize: 576, intermediateSize: 1536, numLayers: 30, numHeads: 9, numKvHeads: 3 },
  ...{ vocabSize: 20_000, contextLength: 1024 },
});
const state = {
  ...{ step: 1, tokensSeen: 0, cursor: {}, identity: {} },
  plan: { totalSteps: 1, schedule: { kind: "constant", peak: 1, warmupSteps: 0 } },
} as const;

export const checkpointMemory: Benchmark = {
  name: "checkpoint-memory",
  description: "JavaScript memory that writing and reading a checkpoint takes (117.7 M parameters)",
  async run(report) {
    const variables = defineParameters(model);
    const modelBytes = variables.reduce((total, variable) => total + bytesOf(variable), 0);
    const entries = variables.map(({ name, shape }) => ({ name, shape, dtype: "float32" as const }));
    const engine = await openEngine();
    await using executable = await engine.compile(defineProgram({ variables, functions: [] }));
    const directory = await mkdtemp(join(tmpdir(), "checkpoint-memory-"));
    try {
      const write = await peakOf(async (look) => {
        const unfinished = await beginCheckpoint(
          { directory, everySteps: 1 },
          state,
          entries,
          async (name) => {
            const value = await executable.readVariable(name);
            look();
            return value;
          },
        );
        await unfinished.finish(() => false);
      });
      const checkpoint = await findCheckpoint(directory, state, (_path, error) => {
        throw error;
      });
      if (checkpoint === undefined) throw new Error("there is no checkpoint");
      const read = await peakOf((look) =>
        restoreTensors(checkpoint, entries, async (name, value) => {
          look();
          await executable.writeVariable(name, value);
        }),
      );
      for (const [job, bytes] of [["write", write] as const, ["read", read] as const]) {
        report(
          row({
            ...{
              bench: "checkpoint-memory",
              job: `${job}, heap and buffers above what was held before`,
              unit: "MB",
            },
            ...{ value: bytes / 1e6, peer: "one copy of the model", peerValue: modelBytes / 1e6 },
          }),
        );
        if (bytes >= modelBytes) throw new Error(`${job} held a whole copy of the model`);
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  },
};

/** Most that heap and buffers held more than before, looked at whenever a tensor is in JavaScript's hands. */
async function peakOf(work: (look: () => void) => Promise<unknown>): Promise<number> {
  const held = () => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = held();
  let peak = 0;
  await work(() => {
    peak = Math.max(peak, held() - before);
  });
  return peak;
}
