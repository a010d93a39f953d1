/** Fetches real text at pinned revisions and samples from it what the recipe asks for. */
import { join } from "node:path";
import { downloadSample as sample, type SampleProgress } from "../src/data/sampling/download-sample.ts";
import { flaggedFiles } from "../src/data/sampling/filters/flagged-terms.ts";
import { movableSources } from "../src/data/sampling/movable-sources.ts";
import { downloadSampleParams } from "../src/data/sampling/sample-params.ts";
import { sumTallies, type Manifest } from "../src/data/documents/manifest.ts";
import { defineStage, type Progress } from "../src/pipeline/index.ts";
import {
  ConversationsArtifact,
  CorpusArtifact,
  PreferencesArtifact,
  QuestionsArtifact,
} from "./dataset-artifacts.ts";

export const downloadSample = defineStage({
  name: "download-sample",
  description: "fetch and sample text, conversations, preference pairs and questions",
  inputs: {},
  outputs: {
    corpus: CorpusArtifact,
    conversations: ConversationsArtifact,
    preferences: PreferencesArtifact,
    questions: QuestionsArtifact,
  },
  params: downloadSampleParams,
  files: ({ sources, filters }) => [
    ...sources.flatMap((source) => (source.kind === "local" ? [source.path] : [])),
    ...(filters.flagged ? flaggedFiles(filters.flagged) : []),
  ],
  async run({ outputs, params, context }) {
    const manifests = await sample(params, {
      cacheDir: context.downloadsDirectory,
      workDirectory: join(context.checkpointDirectory, "sample"),
      outputs: {
        corpus: outputs.corpus.directory,
        conversations: outputs.conversations.directory,
        preferences: outputs.preferences.directory,
        questions: outputs.questions.directory,
      },
      onCheckpoint: (step) => context.checkpointed(step),
      signal: context.signal,
      onProgress: (progress) => context.progress(asProgress(progress)),
      onNotice: context.log,
    });
    const { corpus, conversations, preferences, questions } = manifests;
    for (const line of movableSources(corpus)) context.log(line);
    for (const manifest of [corpus, conversations, preferences, questions])
      for (const line of remarks(manifest)) context.log(line);
    return {
      corpus: outputs.corpus.written(summary(corpus)),
      conversations: outputs.conversations.written(summary(conversations)),
      preferences: outputs.preferences.written(summary(preferences)),
      questions: outputs.questions.written(summary(questions)),
    };
  },
});

const summary = (manifest: Manifest) => ({ ...sumTallies(manifest.files), notes: manifest.notes });

/** What a person should know of the text: what fell short, what was left out, what was mended. */
function* remarks({ content, notes, dropped, repaired }: Manifest): Generator<string> {
  yield* notes;
  const left = Object.entries(dropped).map(([reason, { records }]) => `${records} (${reason})`);
  if (left.length > 0) yield `${content} left out: ${left.join(", ")}`;
  const mended = Object.entries(repaired).map(([fault, count]) => `${count} (${fault})`);
  if (mended.length > 0) yield `${content} mended: ${mended.join(", ")}`;
}

function asProgress(progress: SampleProgress): Progress {
  if (progress.phase === "read")
    return { done: progress.documents, unit: "documents", message: progress.name };
  const { name, doneBytes, totalBytes } = progress;
  return { done: doneBytes, total: totalBytes, unit: "bytes", message: `downloading ${name}` };
}
