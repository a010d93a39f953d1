/** The exported model: a folder in Hugging Face layout with its model card. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { PipelineError } from "../src/errors.ts";
import { bundleFiles } from "../src/export/hugging-face-folder.ts";
import { loadLlama } from "../src/model/llama-files.ts";
import { artifact } from "../src/pipeline/index.ts";

export const BundleArtifact = artifact({
  kind: "model-bundle",
  formatVersion: 1,
  open: (directory) => Promise.resolve({ directory }),
  create: (directory) => Promise.resolve({ directory }),
  validate: async (directory) => {
    for (const file of bundleFiles)
      await access(join(directory, file)).catch((cause: unknown) => {
        throw new PipelineError({ code: "BUNDLE_INCOMPLETE", message: `${directory} has no ${file}`, cause });
      });
    await using _model = await loadLlama(directory);
  },
});
