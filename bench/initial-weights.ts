/** The weights that models of benchmarks start from. */
import { createRandom } from "../src/data/random.ts";
import type { Executable } from "../src/engine/engine.ts";
import type { LlamaConfig } from "../src/model/llama-config.ts";
import { initialValue, listParameters } from "../src/model/llama-parameters.ts";
import type { HostTensor } from "../src/tensor/types.ts";

/** By name, in the order of `listParameters`; the same in every process. */
export function* initialWeights(model: LlamaConfig): Generator<readonly [name: string, value: HostTensor]> {
  const random = createRandom("initial weights");
  for (const parameter of listParameters(model))
    yield [parameter.name, initialValue(parameter, model, () => random.nextGaussian())];
}

export async function writeInitialWeights(executable: Executable, model: LlamaConfig): Promise<void> {
  for (const [name, value] of initialWeights(model)) await executable.writeVariable(name, value);
}
