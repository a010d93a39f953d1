/** The feeds of a batch of sequences, named alike in every program. */
import type { SequenceBatch } from "../model/language-model-loss.ts";
import { feed } from "../tensor/program.ts";

/**
 * Feeds inputs and targets int32 (B, T) and lossMask float32 (B, T); with a prefix: prefixInputs and so on. With
 * `documents`, their numbers int32 (B, T) too.
 */
export const feedSequences = (
  batchSize: number,
  sequenceLength: number,
  { prefix = "", documents = false }: { readonly prefix?: string; readonly documents?: boolean } = {},
): SequenceBatch => {
  const name = (word: string) =>
    prefix === "" ? word : `${prefix}${word.charAt(0).toUpperCase()}${word.slice(1)}`;
  const shape = [batchSize, sequenceLength];
  return {
    inputs: feed(name("inputs"), shape, "int32"),
    targets: feed(name("targets"), shape, "int32"),
    lossMask: feed(name("lossMask"), shape),
    documents: documents ? feed(name("documents"), shape, "int32") : undefined,
  };
};

export const sequenceFeeds = ({ inputs, targets, lossMask, documents }: SequenceBatch) => [
  inputs,
  targets,
  lossMask,
  ...(documents === undefined ? [] : [documents]),
];
