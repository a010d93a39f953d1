/**
 * Tokens per second of greedy generation with the key/value cache against `generate` of Hugging Face transformers: the
 * same random weights from the same folder, the same prompts, float32 on the CPU. Both models stay loaded and take
 * turns; every turn has new prompts, so that nothing of the turn before is left in the cache.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import { z } from "zod";
import { createRandom } from "../../src/data/random.ts";
import { openEngine } from "../../src/engine/open-engine.ts";
import { generateTokens } from "../../src/evaluate/generate-tokens.ts";
import { createInferenceModel } from "../../src/evaluate/inference-model.ts";
import { greedy } from "../../src/evaluate/sample-token.ts";
import { defineLlama } from "../../src/model/llama-config.ts";
import { loadLlama, saveLlama } from "../../src/model/llama-files.ts";
import { initialValue, listParameters } from "../../src/model/llama-parameters.ts";
import { missingModules, python } from "../python.ts";
import { median, row, type Benchmark } from "../row.ts";

/** The minilm recipe's model: 117,723,456 parameters. */
const config = defineLlama({
  hiddenSize: 576,
  numLayers: 30,
  vocabSize: 20_000,
  contextLength: 1024,
  numHeads: 9,
  numKvHeads: 3,
  intermediateSize: 1536,
});
const promptTokens = 128;
const newTokens = 64;
const batches = [1, 8];
const rounds = 5;

const Hello = z.object({ system: z.string(), parameters: z.int() });
const Answer = z.object({ milliseconds: z.number(), tokens: z.array(z.array(z.int())) });
type Answer = z.infer<typeof Answer>;

interface Side {
  readonly system: string;
  generate(prompts: readonly (readonly number[])[], newTokens: number): Promise<Answer>;
}

export const decoding: Benchmark = {
  name: "decoding",
  description: "tokens per second of generation with cache, 117.7 M parameters, against transformers",
  large: true,
  async run(report) {
    const missing = await missingModules(["torch", "transformers"]);
    const folder = join("cache", "bench", "decoding-model");
    await mkdir(folder, { recursive: true });
    try {
      await saveRandomModel(folder);
      await using peer = missing === undefined ? await openPeer(folder) : undefined;
      for (const batch of batches) {
        await using ours = await openOurs(folder, batch);
        for (const job of [
          { what: "generate", count: newTokens, perRun: newTokens },
          { what: "prefill", count: 1, perRun: promptTokens },
        ]) {
          const [values, peerValues, agreed] = await turns(ours, peer, batch, job.count);
          report(
            row({
              bench: "decoding",
              job: `${job.what}, batch ${batch}, ${promptTokens} + ${job.count} tokens, ${ours.system}`,
              value: median(values.map((ms) => (batch * job.perRun * 1000) / ms)),
              unit: "tokens/s",
              peer: peer?.system ?? "transformers",
              peerValue:
                peer === undefined ? null : median(peerValues.map((ms) => (batch * job.perRun * 1000) / ms)),
              note: missing ?? `${agreed} of ${rounds * batch} texts are token by token the same`,
            }),
          );
        }
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function turns(
  ours: Side,
  peer: Side | undefined,
  batch: number,
  count: number,
): Promise<[ours: number[], theirs: number[], agreed: number]> {
  const random = createRandom("prompts");
  const [values, peerValues]: [number[], number[]] = [[], []];
  let agreed = 0;
  // The first turn warms up.
  for (let round = 0; round <= rounds; round++) {
    const prompts = Array.from({ length: batch }, () =>
      Array.from({ length: promptTokens }, () => random.nextInt(config.vocabSize)),
    );
    const mine = await ours.generate(prompts, count);
    const theirs = await peer?.generate(prompts, count);
    if (round === 0) continue;
    values.push(mine.milliseconds);
    if (theirs === undefined) continue;
    peerValues.push(theirs.milliseconds);
    agreed += mine.tokens.filter((text, index) => text.join() === theirs.tokens[index]?.join()).length;
  }
  return [values, peerValues, agreed];
}

async function saveRandomModel(folder: string): Promise<void> {
  const random = createRandom("weights");
  const parameters = new Map(listParameters(config).map((parameter) => [parameter.name, parameter]));
  await saveLlama(folder, config, (name) => {
    const parameter = parameters.get(name);
    if (parameter === undefined) throw new Error(`no parameter ${name}`);
    return Promise.resolve(initialValue(parameter, config, () => random.nextGaussian()));
  });
}

async function openOurs(folder: string, batch: number): Promise<Side & AsyncDisposable> {
  const engine = await openEngine();
  await using files = await loadLlama(folder);
  const model = await createInferenceModel(engine, files, {
    batchSize: 1,
    sequenceLength: 16,
    parallelTexts: batch,
  });
  const random = createRandom("not drawn from when greedy");
  const { kind, version } = engine.identity;
  return {
    system: `${kind} ${version}`,
    async generate(prompts, maxNewTokens) {
      const start = performance.now();
      const decoded = await generateTokens(
        model,
        prompts.map((prompt) => ({ prompt, random })),
        { maxNewTokens, sampling: greedy, stopTokens: [] },
      );
      return { milliseconds: performance.now() - start, tokens: decoded.map(({ tokens }) => [...tokens]) };
    },
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  };
}

async function openPeer(folder: string): Promise<Side & AsyncDisposable> {
  const child = execa(python, ["bench/peers/transformers_generate.py", folder], {
    env: { CUDA_VISIBLE_DEVICES: "-1" },
    reject: false,
    buffer: false,
    stderr: "inherit",
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const line = await lines.next();
    if (line.done === true) throw new Error("transformers_generate.py ended early");
    return JSON.parse(line.value);
  };
  const { system } = Hello.parse(await next());
  return {
    system,
    async generate(prompts, newTokens) {
      child.stdin.write(`${JSON.stringify({ prompts, newTokens })}\n`);
      return Answer.parse(await next());
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await child;
    },
  };
}
