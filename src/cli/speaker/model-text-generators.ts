/** The models that `generate` and `chat` speak with: the checkpoints of the language-model stages. */
import { userError } from "../../errors.ts";
import type { TextGenerators } from "../text-generator.ts";

/** The most finished first. */
const stageIds = ["dpo", "sft", "pretrain"] as const;
const output = "checkpoint";

export const modelTextGenerators: TextGenerators = {
  stageIds,
  async open(session, stageId, place) {
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
    const [{ openSpeaker }, { endOfText, systemPrompt }] = await Promise.all([
      import("./open-speaker.ts"),
      import("../../../stages/special-tokens.ts"),
    ]);
    const speaker = await openSpeaker({ directory: found.directory, endOfText, systemPrompt }, place);
    const parameters = speaker.parameters.toLocaleString("en-US");
    return {
      description: `${found.stageId} (${parameters} parameters, ${speaker.engine})`,
      generate: speaker.generate,
      close: speaker.close,
    };
  },
};
