/** The models that `generate` and `chat` speak with: the checkpoints of the language-model stages. */
import { userError } from "../errors.ts";
import type { TextGenerators } from "./text-generator.ts";

/** The most finished first. */
const stageIds = ["dpo", "sft", "pretrain"] as const;
const output = "checkpoint";

export const modelTextGenerators: TextGenerators = {
  stageIds,
  async open(session, stageId) {
    const candidates = stageId === undefined ? stageIds : [stageId];
    const found = candidates
      .map((id) => session.output(id, output))
      .find((resolved) => resolved !== undefined);
    if (found === undefined)
      throw userError(
        "NO_MODEL",
        `no finished model of ${candidates.join(", ")} is there to speak`,
        `npx pipeline run ${stageId ?? stageIds[0]}`,
      );
    // Loaded here: no other command should wait for them.
    const [{ openEngine }, { openLanguageModel }, { countParameters }, { createRandom }, voice] =
      await Promise.all([
        import("../engine/open-engine.ts"),
        import("../evaluate/language-model.ts"),
        import("../model/llama-parameters.ts"),
        import("../data/random.ts"),
        import("../../stages/special-tokens.ts"),
      ]);
    const engine = await openEngine();
    const model = await openLanguageModel(engine, found.directory, voice);
    const parameters = countParameters(model.model.config).toLocaleString("en-US");
    return {
      description: `${found.stageId} (${parameters} parameters, ${engine.identity.kind} ${engine.identity.version})`,
      async generate(input, { maxNewTokens, seed, signal, ...sampling }, onText) {
        const start = performance.now();
        const prompt = "prompt" in input ? { text: input.prompt } : input;
        const settings = { maxNewTokens, sampling, random: createRandom(seed), signal };
        const { text, tokens, end } = await model.generate(prompt, settings, onText);
        return { text, tokens, end, durationMs: performance.now() - start };
      },
      async close() {
        await model[Symbol.asyncDispose]();
      },
    };
  },
};
