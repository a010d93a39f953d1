/** Beside a dataset in artifacts/: its manifest as a page. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readManifest } from "../src/data/documents/manifest.ts";
import { datasetPage } from "../src/report/dataset-page.ts";

async function presentDataset(directory: string): Promise<void> {
  await writeFile(join(directory, "README.md"), datasetPage(await readManifest(directory)));
}

/** For the pipeline's `present`. */
export const presentDatasets = {
  corpus: presentDataset,
  conversations: presentDataset,
  preferences: presentDataset,
  questions: presentDataset,
};
