/**
 * A finished model, compiled for use: token losses of whole sequences, and logits of the next token. No key/value
 * cache: a token costs a forward pass over the smallest window that holds the text so far.
 */
import type { Engine, Executable } from "../engine/engine.ts";
import { PipelineError, userError } from "../errors.ts";
import { tokenLosses } from "../model/language-model-loss.ts";
import type { LlamaConfig } from "../model/llama-config.ts";
import type { LlamaFiles } from "../model/llama-files.ts";
import { defineParameters } from "../model/llama-parameters.ts";
import { llamaHidden, outputLogits, readParameters } from "../model/llama.ts";
import { gather, reshape } from "../tensor/ops.ts";
import { defineProgram, feed, type Program, type ProgramFunction, type Variable } from "../tensor/program.ts";
import { float32, int32, type HostTensor } from "../tensor/types.ts";
import { feedSequences, sequenceFeeds } from "../train/sequence-feeds.ts";

/** B sequences of T tokens, row-major; lossMask is 1 where the target counts. */
export interface ScoringBatch {
  readonly inputs: Int32Array;
  readonly targets: Int32Array;
  readonly lossMask: Float32Array;
}

export interface InferenceModel extends AsyncDisposable {
  readonly config: LlamaConfig;
  readonly batchSize: number;
  readonly sequenceLength: number;
  /** −log p(target) in nats, 0 where masked: (B, T), row-major. */
  tokenLosses(batch: ScoringBatch): Promise<Float32Array>;
  /** Logits (V) of the token after `tokens`; of more than contextLength tokens, the last ones are read. */
  nextTokenLogits(tokens: readonly number[]): Promise<Float32Array>;
}

export interface InferenceOptions {
  /** Shape of `tokenLosses` calls. */
  readonly batchSize: number;
  readonly sequenceLength: number;
}

/** Compiles the program and loads the weights, one tensor at a time. */
export async function createInferenceModel(
  engine: Engine,
  files: LlamaFiles,
  { batchSize, sequenceLength }: InferenceOptions,
): Promise<InferenceModel> {
  const { config } = files;
  const variables = defineParameters(config);
  const windows = windowLengths(config.contextLength);
  const executable = await engine.compile(
    inferenceProgram(config, variables, batchSize, sequenceLength, windows),
  );
  for (const { name } of variables) await executable.writeVariable(name, await files.read(name));
  const shape = [batchSize, sequenceLength];
  return {
    config,
    batchSize,
    sequenceLength,
    async tokenLosses({ inputs, targets, lossMask }) {
      const feeds = {
        inputs: int32(shape, inputs),
        targets: int32(shape, targets),
        lossMask: float32(shape, lossMask),
      };
      return fetchFloats(executable, "tokenLosses", feeds, "losses");
    },
    async nextTokenLogits(tokens) {
      if (tokens.length === 0) throw userError("PROMPT_EMPTY", "there is no token to continue from");
      const visible = tokens.slice(-config.contextLength);
      const window = windows.find((length) => length >= visible.length) ?? config.contextLength;
      // Causality makes the padding behind the text invisible to the row that is read.
      const padded = new Int32Array(window);
      padded.set(visible);
      const feeds = {
        tokens: int32([1, window], padded),
        position: int32([1], Int32Array.of(visible.length - 1)),
      };
      return fetchFloats(executable, nextTokenFunction(window), feeds, "logits");
    },
    [Symbol.asyncDispose]: () => executable[Symbol.asyncDispose](),
  };
}

const nextTokenFunction = (window: number): string => `nextToken${window}`;

/** 16, 64, 256, … and contextLength: a short text is not charged for a long context. */
function windowLengths(contextLength: number): readonly number[] {
  const lengths: number[] = [];
  for (let length = 16; length < contextLength; length *= 4) lengths.push(length);
  return [...lengths, contextLength];
}

function inferenceProgram(
  config: LlamaConfig,
  variables: readonly Variable[],
  batchSize: number,
  sequenceLength: number,
  windows: readonly number[],
): Program {
  return defineProgram({
    variables,
    functions: [
      scoringFunction(config, variables, batchSize, sequenceLength),
      ...windows.map((window) => nextTokenLogitsFunction(config, variables, window)),
    ],
  });
}

function scoringFunction(
  config: LlamaConfig,
  variables: readonly Variable[],
  batchSize: number,
  sequenceLength: number,
): ProgramFunction {
  const batch = feedSequences(batchSize, sequenceLength); // (B, T)
  const losses = tokenLosses(config, readParameters(variables), batch); // (B, T)
  return { name: "tokenLosses", feeds: sequenceFeeds(batch), fetches: { losses }, effects: [] };
}

function nextTokenLogitsFunction(
  config: LlamaConfig,
  variables: readonly Variable[],
  window: number,
): ProgramFunction {
  const parameters = readParameters(variables);
  const tokens = feed("tokens", [1, window], "int32"); // (1, T)
  const position = feed("position", [1], "int32");
  const hidden = gather(llamaHidden(config, parameters, tokens), position); // (T, C) → (1, C)
  const logits = reshape(outputLogits(parameters, hidden), [config.vocabSize]); // (V)
  return { name: nextTokenFunction(window), feeds: [tokens, position], fetches: { logits }, effects: [] };
}

async function fetchFloats(
  executable: Executable,
  name: string,
  feeds: Readonly<Record<string, HostTensor>>,
  fetch: string,
): Promise<Float32Array> {
  const value = (await executable.call(name, feeds))[fetch];
  if (value?.dtype === "float32") return value.data;
  throw new PipelineError({ code: "ENGINE_FAILED", message: `${name} gave no float32 ${fetch}` });
}
