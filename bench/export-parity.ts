/**
 * Not a speed: proof that Hugging Face transformers reads the exported folder as we do. The same token ids for the same
 * texts and chat, logits within 1e-3, the same greedy continuation; anything else fails the benchmark.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { createRandom } from "../src/data/random.ts";
import { openEngine } from "../src/engine/open-engine.ts";
import { generateTokens } from "../src/evaluate/generate-tokens.ts";
import { openLanguageModel } from "../src/evaluate/language-model.ts";
import { createNextTokenModel, type NextTokenModel } from "../src/evaluate/next-token-model.ts";
import { greedy } from "../src/evaluate/sample-token.ts";
import { encodeChat, turnEnd, type ChatMessage } from "../src/tokenizer/chat-template.ts";
import { createHuggingFaceTokenizer } from "../src/tokenizer/hugging-face-tokenizer.ts";
import { endOfText, systemPrompt } from "../stages/special-tokens.ts";
import { missingModules, runPeer } from "./python.ts";
import { row, type Benchmark } from "./row.ts";

const bar = 1e-3;
const maxNewTokens = 24;
/** Short enough for the smallest context; special tokens written in a text are read as such by both sides. */
const texts = [
  "The people of the United States",
  " leading space, and  two\tmore.\n\n\nNew lines",
  "It's 1987: 3.14 or 65,536?",
  "春风又绿江南岸",
  "该接口用于 GET /v1/users，返回 200。",
  "naïve café 😀 ﬁn e\u0301",
  "one<|endoftext|>two<|im_end|>\nthree",
];
const messages: readonly ChatMessage[] = [
  { role: "user", content: "What is water in Chinese?" },
  { role: "assistant", content: "水" },
  { role: "user", content: "And 山?" },
];

const Answer = z.object({
  versions: z.string(),
  ids: z.array(z.array(z.int())),
  logits: z.array(z.array(z.number())),
  chat: z.array(z.int()),
  continuation: z.array(z.int()),
});

export const exportParity: Benchmark = {
  name: "export-parity",
  description: "the exported folder in transformers and in ours: ids, logits, continuation (--folder MODEL)",
  bar: `equal ids and text, logits within ${bar}`,
  async run(report, { folder }) {
    const fields = {
      bench: "export-parity",
      job: `largest difference of next-token logits over ${texts.length} texts, ${folder}`,
      unit: "logits",
      peerValue: null,
    };
    const skip = async () =>
      existsSync(folder)
        ? await missingModules(["torch", "transformers"])
        : `skipped, there is no ${folder} (npx pipeline run export)`;
    const skipped = await skip();
    if (skipped !== undefined) {
      report(row({ ...fields, value: null, peer: "transformers", note: skipped }));
      return;
    }
    const peer = Answer.parse(
      await runPeer("transformers_model.py", [folder], { texts, messages, maxNewTokens }),
    );
    const ours = await answer(folder);
    const difference = Math.max(...ours.logits.map((row, index) => distance(row, peer.logits[index] ?? [])));
    const violations = (["ids", "chat", "continuation"] as const)
      .filter((part) => !isDeepStrictEqual(ours[part], peer[part]))
      .map((part) => `${part}: ours ${JSON.stringify(ours[part])}, theirs ${JSON.stringify(peer[part])}`);
    if (!(difference <= bar)) violations.push(`logits differ by ${difference}, more than ${bar}`);
    const same = `at most ${bar} allowed; equal ids of texts and chat, ${ours.continuation.length} equal greedy tokens`;
    const note = violations.length === 0 ? same : violations.join("; ");
    report(row({ ...fields, value: difference, peer: peer.versions, note }));
    if (violations.length > 0) throw new Error(`${folder} is not what transformers reads: ${note}`);
  },
};

type OurAnswer = Omit<z.infer<typeof Answer>, "versions">;

async function answer(folder: string): Promise<OurAnswer> {
  const engine = await openEngine();
  await using opened = await openLanguageModel(folder, { endOfText, systemPrompt }, (files) =>
    createNextTokenModel(engine, files),
  );
  const { model, encoder } = opened;
  const ids = texts.map((text) => [...encoder.encode(text, { parseSpecialTokens: true })]);
  const tokenizer = createHuggingFaceTokenizer(await readFile(join(folder, "tokenizer.json"), "utf8"));
  for (const [index, text] of texts.entries())
    if (!isDeepStrictEqual([...tokenizer.encode(text, { add_special_tokens: false }).ids], ids[index]))
      throw new Error(`@huggingface/tokenizers reads ${JSON.stringify(text)} otherwise than our encoder`);
  const logits: number[][] = [];
  for (const text of ids) logits.push(...(await model.nextTokenLogits([text])).map((row) => [...row]));
  const chat = [...encodeChat(encoder, messages, { addGenerationPrompt: true, systemPrompt }).ids];
  const continuation = await continueGreedily(model, chat, encoder.specialTokenId(turnEnd));
  return { ids, logits, chat, continuation };
}

/** As transformers gives it: with the token that ended it. */
async function continueGreedily(model: NextTokenModel, prompt: number[], stop: number): Promise<number[]> {
  const random = createRandom("not drawn from when greedy");
  const options = { maxNewTokens, sampling: greedy, stopTokens: [stop] };
  const decoded = await generateTokens(model, [{ prompt, random }], options);
  return decoded.flatMap(({ tokens, end }) => (end === "stop-token" ? [...tokens, stop] : tokens));
}

function distance(ours: readonly number[], theirs: readonly number[]): number {
  if (ours.length !== theirs.length) return Infinity;
  return Math.max(...ours.map((value, token) => Math.abs(value - (theirs[token] ?? NaN))));
}
