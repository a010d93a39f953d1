/** A finished model compiled for nothing but scoring whole sequences, on all devices of the engine. */
import { compileOnAll } from "../engine/call-each.ts";
import type { Engine } from "../engine/engine.ts";
import type { LlamaFiles } from "../model/llama-files.ts";
import { defineParameters } from "../model/llama-parameters.ts";
import { defineProgram } from "../tensor/program.ts";
import { tokenLossesFunction, type ScoringBatch, type ScoringShape } from "./token-losses.ts";

export interface ScoringModel extends AsyncDisposable {
  /** How many batches are scored at once. */
  readonly devices: number;
  /** Of each batch: −log p(target) in nats, 0 where masked: (B, T), row-major. */
  tokenLosses(batches: readonly ScoringBatch[]): Promise<readonly Float32Array[]>;
}

/** Compiles the program and loads the weights, one tensor at a time. */
export async function createScoringModel(
  engine: Engine,
  { config, read }: Pick<LlamaFiles, "config" | "read">,
  shape: ScoringShape,
): Promise<ScoringModel> {
  const variables = defineParameters(config);
  const { definition, feeds, losses } = tokenLossesFunction(config, variables, shape);
  const { executable, devices, callEach } = await compileOnAll(
    engine,
    defineProgram({ variables, functions: [definition] }),
  );
  for (const { name } of variables) await executable.writeVariable(name, await read(name));
  return {
    devices,
    async tokenLosses(batches) {
      return (await callEach(definition.name, batches.map(feeds))).map(losses);
    },
    [Symbol.asyncDispose]: () => executable[Symbol.asyncDispose](),
  };
}
