/**
 * Greedy generation with our engine, request by request, as `pipeline generate` runs it: the other side of
 * peers/transformers_generate.py, with the same lines in and out.
 *
 * usage: decode-texts.mjs FOLDER TEXTS
 */
import { createInterface } from "node:readline";
import { z } from "zod";
import { createRandom } from "../src/data/random.ts";
import { openDecodingEngine } from "../src/evaluate/decoding-engine.ts";
import { generateTokens } from "../src/evaluate/generate-tokens.ts";
import { createNextTokenModel } from "../src/evaluate/next-token-model.ts";
import { greedy } from "../src/evaluate/sample-token.ts";
import { loadLlama } from "../src/model/llama-files.ts";
import { countParameters } from "../src/model/llama-parameters.ts";

const Request = z.object({ prompts: z.array(z.array(z.int())), newTokens: z.int() });

const answer = (value: object): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`);
};

const [folder = "", texts = "1"] = process.argv.slice(2);
const { engine, parts } = await openDecodingEngine();
await using files = await loadLlama(folder);
await using model = await createNextTokenModel(engine, files, { parallelTexts: Number(texts), parts });
const random = createRandom("not drawn from when greedy");
const { kind, version } = engine.identity;
answer({ system: `${kind} ${version}`, parameters: countParameters(model.config) });
for await (const line of createInterface({ input: process.stdin })) {
  const { prompts, newTokens } = Request.parse(JSON.parse(line));
  const start = performance.now();
  const decoded = await generateTokens(
    model,
    prompts.map((prompt) => ({ prompt, random })),
    { maxNewTokens: newTokens, sampling: greedy, stopTokens: [] },
  );
  answer({ milliseconds: performance.now() - start, tokens: decoded.map(({ tokens }) => tokens) });
}
