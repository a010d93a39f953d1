/** The datasets that download-sample makes: folders of JSON lines with a manifest. */
import {
  readConversations,
  readDocuments,
  readPreferences,
  readQuestions,
  validateDataset,
} from "../src/data/documents/dataset.ts";
import { MANIFEST_VERSION, readManifest, type Manifest } from "../src/data/documents/manifest.ts";
import { artifact } from "../src/pipeline/index.ts";

const dataset = <const Kind extends string, Read>(
  kind: Kind,
  content: Manifest["content"],
  read: (directory: string) => Read,
) =>
  artifact({
    kind,
    formatVersion: MANIFEST_VERSION,
    open: async (directory) => ({ directory, manifest: await readManifest(directory), ...read(directory) }),
    create: (directory) => Promise.resolve({ directory }),
    validate: async (directory) => {
      await validateDataset(directory, content);
    },
  });

export const CorpusArtifact = dataset("corpus", "documents", (directory) => ({
  documents: (split: "train" | "heldout") => readDocuments(directory, split),
}));
export const ConversationsArtifact = dataset("conversations", "conversations", (directory) => ({
  conversations: () => readConversations(directory),
}));
export const PreferencesArtifact = dataset("preferences", "preferences", (directory) => ({
  preferences: () => readPreferences(directory),
}));
export const QuestionsArtifact = dataset("questions", "questions", (directory) => ({
  questions: () => readQuestions(directory),
}));
