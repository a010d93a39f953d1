/** The four folders of a sample below one. Not a test. */
import { join } from "node:path";
import type { SampleDirectories } from "../../../src/data/sampling/sample-outputs.ts";

export const sampleDirectoriesIn = (root: string): SampleDirectories => ({
  corpus: join(root, "corpus"),
  conversations: join(root, "conversations"),
  preferences: join(root, "preferences"),
  questions: join(root, "questions"),
});
