/** Mixes documents by token weights, splits off validation by content hash, shuffles, and writes training shards. */
import { z } from "zod";
import { mixShards } from "../src/data/shards/mix-shards.ts";
import { defineStage } from "../src/pipeline/index.ts";
import { ShardsArtifact, TokensArtifact } from "./shard-artifacts.ts";
import { endOfText } from "./special-tokens.ts";
import { TokenizerArtifact } from "./tokenizer-artifact.ts";

const rule = z.strictObject({
  language: z.enum(["en", "zh"]),
  category: z.string().min(1).optional().describe("absent: what the language has and no other rule names"),
  weight: z.number().nonnegative().describe("share of the training tokens; only the ratio counts"),
});

export const shard = defineStage({
  name: "shard",
  description: "mix, split and shuffle tokens into training shards",
  inputs: { tokens: TokensArtifact, tokenizer: TokenizerArtifact },
  outputs: { shards: ShardsArtifact },
  params: z.strictObject({
    seed: z.int(),
    validationFraction: z
      .number()
      .gt(0)
      .lt(1)
      .describe(
        "share of documents, by content hash; as downloadSample.heldOutFraction, these are the held-out ones",
      ),
    mix: z.array(rule).optional().describe("absent: everything"),
    trainTokens: z
      .int()
      .positive()
      .optional()
      .describe("absent: as many as the scarcest rule of the mix can fill"),
    shardTokens: z.int().positive().default(100_000_000),
  }),
  async run({ inputs, outputs, params, context }) {
    const { mix, trainTokens, ...rest } = params;
    const { manifest, shares } = await mixShards(inputs.tokens, outputs.shards.directory, {
      ...rest,
      ...(mix === undefined ? {} : { rules: mix.map(withoutUndefined) }),
      ...(trainTokens === undefined ? {} : { trainTokens }),
      endOfText: inputs.tokenizer.createEncoder().specialTokenId(endOfText),
      signal: context.signal,
      onProgress: (share) =>
        context.progress({ done: Math.round(share * 100), total: 100, unit: "documents" }),
    });
    for (const { language, category, asked, got } of shares)
      context.log(`${language}/${category ?? "all"}: ${got} training tokens of ${asked} asked`);
    const tokensOf = (split: string) => manifest.splits[split]?.totals.tokens ?? 0;
    return {
      shards: outputs.shards.written({
        trainTokens: tokensOf("train"),
        validationTokens: tokensOf("validation"),
      }),
    };
  },
});

const withoutUndefined = ({ category, ...fixed }: z.infer<typeof rule>) => ({
  ...fixed,
  ...(category === undefined ? {} : { category }),
});
