/**
 * openbmb/UltraFeedback (Cui et al. 2023, https://arxiv.org/abs/2310.01377): one instruction, several scored answers. Chosen is
 * the best, rejected any of the worse ones, as Zephyr has it (Tunstall et al. 2023, https://arxiv.org/abs/2310.16944, section
 * 3): always the worst would make the pairs easy.
 */
import { z } from "zod";
import { digestOf } from "../../std/digest.ts";
import type { Row } from "../formats/parquet-decode.ts";
import type { PreferencePair } from "../records.ts";
import type { Adapted } from "./adapted.ts";

export const ULTRAFEEDBACK_COLUMNS = ["instruction", "completions"] as const;

const completionSchema = z.object({
  response: z.string(),
  overall_score: z.coerce.number().min(1).max(10),
  "fine-grained_score": z.coerce.number().min(0).max(5),
});
const rowSchema = z.object({ instruction: z.string(), completions: z.array(completionSchema) });

/**
 * 2,628 published completions have an overall score of 10 that they did not get (github.com/OpenBMB/UltraFeedback/issues/8): it is
 * believed where the mean of the fine-grained scores, 1 to 5, is above this.
 */
const MIN_FINE_GRAINED_OF_10 = 4;

export function ultrafeedbackPair(row: Row, source: string): Adapted<PreferencePair> {
  const parsed = rowSchema.safeParse(row);
  if (!parsed.success)
    return { dropped: "instruction or completions are not as they should be", characters: 0 };
  const { instruction, completions } = parsed.data;
  const characters = completions.reduce((sum, { response }) => sum + response.length, instruction.length);
  const drop = (dropped: string): Adapted<PreferencePair> => ({ dropped, characters });
  if (instruction.trim() === "") return drop("empty prompt");
  if (completions.length < 2) return drop("fewer than two answers");
  if (completions.some(isMisread)) return drop("a score of 10 that the fine-grained scores deny");
  const best = completions.reduce((a, b) => (b.overall_score > a.overall_score ? b : a));
  const worse = completions.filter(({ overall_score }) => overall_score < best.overall_score);
  // The row alone decides which, so that it is the same in every sample.
  const rejected = worse[Number.parseInt(digestOf(instruction).slice(0, 8), 16) % Math.max(1, worse.length)];
  if (rejected === undefined) return drop("all answers have one score");
  if (best.response.trim() === "" || rejected.response.trim() === "") return drop("empty answer");
  if (best.response === rejected.response) return drop("chosen equals rejected");
  return {
    record: {
      prompt: [{ role: "user", content: instruction }],
      chosen: best.response,
      rejected: rejected.response,
      language: "en",
      source,
    },
  };
}

const isMisread = (completion: z.infer<typeof completionSchema>): boolean =>
  completion.overall_score === 10 && completion["fine-grained_score"] <= MIN_FINE_GRAINED_OF_10;
