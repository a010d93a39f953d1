/**
 * Takes a byte-level BPE tokenizer that was trained elsewhere, as its file is but for special tokens that the recipe may
 * have added, if it does exactly what ours would do.
 */
import {
  localTokenizerPath,
  readTokenizerFile,
  tokenizerFileParams,
} from "../src/data/sources/tokenizer-file.ts";
import { userError } from "../src/errors.ts";
import { defineStage } from "../src/pipeline/index.ts";
import { addSpecialTokens } from "../src/tokenizer/add-special-tokens.ts";
import { createEncoder } from "../src/tokenizer/encoder.ts";
import { parseTokenizerJson } from "../src/tokenizer/tokenizer-json.ts";
import { createTokenizerReport } from "../src/tokenizer/tokenizer-report.ts";
import { CorpusArtifact } from "./dataset-artifacts.ts";
import { specialTokens } from "./special-tokens.ts";
import { summaryOf, TokenizerArtifact } from "./tokenizer-artifact.ts";

export const importTokenizer = defineStage({
  name: "import-tokenizer",
  description: "take a tokenizer that was trained elsewhere",
  inputs: { corpus: CorpusArtifact },
  outputs: { tokenizer: TokenizerArtifact },
  params: tokenizerFileParams,
  files: ({ from }) => [localTokenizerPath(from) ?? []].flat(),
  async run({ inputs, outputs, params, context }) {
    const { signal, log } = context;
    const file = await readTokenizerFile(params, { signal, onNotice: log });
    const json = params.addSpecialTokens === true ? addSpecialTokens(file, specialTokens) : file;
    const model = parseTokenizerJson(json, { specialTokens });
    const { vocabSize = model.tokens.length } = params;
    if (vocabSize !== model.tokens.length)
      throw userError(
        "TOKENIZER_VOCABULARY",
        `${params.from} has ${model.tokens.length} entries, not tokenizer.vocabSize (${vocabSize}).`,
        `Set tokenizer.vocabSize to ${model.tokens.length}, or leave it out.`,
      );
    const encoder = createEncoder(model);
    const report = await createTokenizerReport(encoder, inputs.corpus.documents("heldout"));
    await (await outputs.tokenizer.create()).save(json, encoder, report);
    return { tokenizer: outputs.tokenizer.written(summaryOf(report)) };
  },
});
