/** What no stage can see alone: rows longer than the model's context are refused before anything is trained. */
import type { z } from "zod";

interface SequenceLengths {
  readonly pretrain: { readonly model: { readonly contextLength: number } };
  readonly sft: { readonly sequenceLength: number };
  readonly dpo: { readonly maxLength: number };
  readonly eval: { readonly sequenceLength: number };
}

/** A check of the whole recipe. */
export function sequencesFit({ value, issues }: z.core.ParsePayload<SequenceLengths>): void {
  const { contextLength } = value.pretrain.model;
  const lengths = [
    [["sft", "sequenceLength"], value.sft.sequenceLength],
    [["dpo", "maxLength"], value.dpo.maxLength],
    [["eval", "sequenceLength"], value.eval.sequenceLength],
  ] as const;
  for (const [path, length] of lengths)
    if (length > contextLength)
      issues.push({
        code: "custom",
        input: length,
        path: [...path],
        message: `${length} tokens are more than pretrain.model.contextLength (${contextLength})`,
      });
}
