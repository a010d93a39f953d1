/** The weights that models of benchmarks start from. */
import { createRandom } from "../src/data/random.ts";
import type { Executable } from "../src/engine/engine.ts";
import type { LlamaConfig } from "../src/model/llama-config.ts";
import { initialValue, listParameters } from "../src/model/llama-parameters.ts";

export async function writeInitialWeights(executable: Executable, model: LlamaConfig): Promise<void> {
  const random = createRandom("initial weights");
  for (const parameter of listParameters(model))
    await executable.writeVariable(
      parameter.name,
      initialValue(parameter, model, () => random.nextGaussian()),
    );
}
