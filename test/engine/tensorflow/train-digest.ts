/** A few steps of a small model; prints the engine, the last loss and a digest of all variables. Run by environment.test.ts. */
import { createHash } from "node:crypto";
import { createRandom } from "../../../src/data/random.ts";
import { openEngine } from "../../../src/engine/open-engine.ts";
import { defineLlama } from "../../../src/model/llama-config.ts";
import { initialValue, listParameters } from "../../../src/model/llama-parameters.ts";
import { float32, int32, scalar } from "../../../src/tensor/types.ts";
import { defineOptimizer } from "../../../src/train/optimizer.ts";
import { pretrainingProgram } from "../../../src/train/pretraining-program.ts";

const model = defineLlama({
  ...{ hiddenSize: 64, intermediateSize: 96, numLayers: 2, numHeads: 4, numKvHeads: 2 },
  ...{ vocabSize: 256, contextLength: 32 },
});
const shape = [4, 32];
const { program } = pretrainingProgram({
  model,
  microBatchSize: 4,
  sequenceLength: 32,
  gradientAccumulation: 1,
  optimizer: defineOptimizer(),
});
const engine = await openEngine();
await using executable = await engine.compile(program);
const random = createRandom("digest");
for (const info of listParameters(model))
  await executable.writeVariable(
    info.name,
    initialValue(info, model, () => random.nextGaussian()),
  );
let last = NaN;
for (let step = 1; step <= 6; step++) {
  const tokens = Int32Array.from({ length: 128 }, () => random.nextInt(256));
  const { loss } = await executable.call("trainStep", {
    inputs: int32(shape, tokens),
    targets: int32(
      shape,
      tokens.map((id) => (id + 1) % 256),
    ),
    lossMask: float32(shape, new Float32Array(128).fill(1)),
    learningRate: scalar(1e-2),
    step: scalar(step),
  });
  last = loss?.data[0] ?? NaN;
}
const hash = createHash("sha256");
for (const { name } of program.variables) {
  const { data } = await executable.readVariable(name);
  hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
const { threadsPerOperation } = engine;
console.log(
  JSON.stringify({ ...engine.identity, threadsPerOperation, loss: last, digest: hash.digest("hex") }),
);
