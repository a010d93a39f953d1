/** What evaluation found, as data and as pages: scores.json, scores.md, samples.json, samples.md. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { artifact } from "../src/pipeline/index.ts";
import { samplesPage } from "../src/report/samples-page.ts";
import { scoresPage } from "../src/report/scores-page.ts";

const score = z.strictObject({
  task: z.string(),
  language: z.string().exactOptional(),
  metric: z.string(),
  checkpoint: z.string(),
  value: z.number(),
  better: z.enum(["higher", "lower"]),
  items: z.int().exactOptional(),
  baseline: z.strictObject({ label: z.string(), value: z.number() }).exactOptional(),
});
const sample = z.strictObject({
  checkpoint: z.string(),
  language: z.string(),
  prompt: z.string(),
  text: z.string(),
  settings: z.record(z.string(), z.number()),
});
const evaluation = z.strictObject({
  formatVersion: z.literal(1),
  checkpoint: z.string(),
  scores: z.array(score).min(1),
  samples: z.array(sample),
});
export type Evaluation = z.infer<typeof evaluation>;

export const ScoresArtifact = artifact({
  kind: "scores",
  formatVersion: 1,
  open: openScores,
  create: (directory) =>
    Promise.resolve({
      async save(content: Omit<Evaluation, "formatVersion">): Promise<void> {
        const { checkpoint, scores, samples } = content;
        const json = evaluation.parse({ formatVersion: 1, ...content });
        await writeFile(join(directory, "scores.json"), `${JSON.stringify(json, null, 2)}\n`);
        await writeFile(
          join(directory, "scores.md"),
          scoresPage(`Scores of the ${checkpoint} model`, scores),
        );
        await writeFile(
          join(directory, "samples.md"),
          samplesPage(`What the ${checkpoint} model writes`, samples),
        );
      },
    }),
  validate: async (directory) => {
    await openScores(directory);
  },
});

async function openScores(directory: string): Promise<Evaluation> {
  return evaluation.parse(JSON.parse(await readFile(join(directory, "scores.json"), "utf8")));
}
