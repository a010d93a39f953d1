/** Mixing as a stage of the runner, killed in the midst of its files in between: nothing of them stays, and the next run has the same bytes. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { documents, endOfText, temporaryFolder } from "../data/shards/corpus.ts";
import { shardWork } from "../data/shards/shard-work.ts";
import { outcomes, packageRoot, Project } from "../runner/project.ts";
import { readGolden } from "../tokenizer/golden.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
  // In place of the first stage; the environment, which is no input, tells when it dies.
  project.write(
    "stages/words.ts",
    `import { z } from "zod";
     import { defineStage } from "${packageRoot}/src/pipeline/index.ts";
     import { mixShards } from "${packageRoot}/src/data/shards/mix-shards.ts";
     import { openShards } from "${packageRoot}/src/data/shards/open-shards.ts";
     import { Words } from "../src/text.ts";
     export const words = defineStage({
       name: "words", description: "Mixes.", inputs: {}, outputs: { words: Words },
       params: z.strictObject({ count: z.int().default(3) }),
       async run({ outputs }) {
         const tokenized = await openShards(process.env["TOKENIZED"] ?? "");
         const dieAfterMs = process.env["DIE_AFTER_MS"];
         let calls = 0;
         await mixShards(tokenized, outputs.words.directory, {
           validationFraction: 0.1, seed: 1, shardTokens: 4000, endOfText: ${endOfText}, memoryBytes: 20_000,
           onProgress: () => { if (calls++ === 0 && dieAfterMs !== undefined) setTimeout(() => process.kill(process.pid, "SIGKILL"), Number(dieAfterMs)); },
         });
         await tokenized.close();
         (await outputs.words.create()).save("mixed");
         return { words: outputs.words.written() };
       },
     });`,
  );
});
afterEach(() => project.remove());

const below = (folder: string): string[] =>
  existsSync(folder) ? (readdirSync(folder, { recursive: true }) as string[]) : [];

test("the next run after a kill has the digest of an undisturbed one, and no file in between is left", async () => {
  const tokenized = temporaryFolder();
  await shardWork(readGolden("tokenizer-800.json")).tokenize(documents, tokenized);
  const env = { ...process.env, TOKENIZED: tokenized };
  const digest = async (): Promise<unknown> => {
    const summary = await project.run(["words"], {}, { env });
    expect(outcomes(summary)).toEqual({ words: "executed" });
    return summary.stages[0]?.outputs["words"]?.digest;
  };
  const undisturbed = await digest();
  expect(undisturbed).toBeDefined();
  for (const delayMs of [0, 5]) {
    project.forget();
    const killed = await project.run(["words"], {}, { env: { ...env, DIE_AFTER_MS: String(delayMs) } });
    expect(outcomes(killed)).toEqual({ words: "failed" });
    expect(await digest()).toEqual(undisturbed);
    expect(below(join(project.root, "cache", "work"))).toEqual([]);
    const kept = ["cache", "artifacts"].flatMap((folder) => below(join(project.root, folder)));
    expect(kept.filter((path) => path.includes("unsorted"))).toEqual([]);
  }
});
