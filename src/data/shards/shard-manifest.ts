/** manifest.json of a folder of token shards: what is in it, by shard, split and stratum, in totals that reconcile. */
import { z } from "zod";
import { shardInvalid, shardVersion } from "./shard-format.ts";

export const manifestName = "manifest.json";

const count = z.int().nonnegative();
const Totals = z.strictObject({ documents: count, tokens: count, bytes: count });
const Stratum = z.strictObject({ source: z.string(), language: z.string(), category: z.string() });
const Shard = Totals.extend({ name: z.string().regex(/^[\w-]+$/) });
const Split = z.strictObject({
  totals: Totals,
  shards: z.array(Shard),
  /** One for each of the manifest's strata, in their order. */
  strata: z.array(Totals),
});
const Manifest = z.strictObject({
  format: z.literal("token-shards"),
  version: z.literal(shardVersion),
  tokenizerDigest: z.string().regex(/^[0-9a-f]{64}$/),
  vocabSize: z.int().positive(),
  strata: z.array(Stratum),
  splits: z.record(z.string(), Split),
  /** What the stage that wrote it wants known: seed, mix, what was dropped and why. */
  details: z.record(z.string(), z.json()),
});

export type ShardTotals = z.infer<typeof Totals>;
export type Stratum = z.infer<typeof Stratum>;
export type ShardSplit = z.infer<typeof Split>;
export type ShardManifest = z.infer<typeof Manifest>;

/** Reads a manifest and checks that its totals add up. Throws SHARD_INVALID naming `file`. */
export function parseManifest(text: string, file: string): ShardManifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw shardInvalid(file, "it is not JSON", error);
  }
  const parsed = Manifest.safeParse(json);
  if (!parsed.success) throw shardInvalid(file, z.prettifyError(parsed.error), parsed.error);
  const manifest = parsed.data;
  for (const [name, split] of Object.entries(manifest.splits)) {
    if (split.strata.length !== manifest.strata.length) {
      throw shardInvalid(
        file,
        `split ${name} counts ${split.strata.length} strata of ${manifest.strata.length}`,
      );
    }
    for (const [what, parts] of Object.entries({ shards: split.shards, strata: split.strata })) {
      for (const unit of ["documents", "tokens", "bytes"] as const) {
        const sum = parts.reduce((total, part) => total + part[unit], 0);
        if (sum === split.totals[unit]) continue;
        throw shardInvalid(
          file,
          `split ${name} has ${split.totals[unit]} ${unit}, but its ${what} add up to ${sum}`,
        );
      }
    }
  }
  return manifest;
}
