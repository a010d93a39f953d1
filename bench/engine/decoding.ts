/**
 * Tokens per second of greedy generation with the key/value cache against `generate` of Hugging Face transformers: the
 * same random weights from the same folder, the same prompts, float32 on the CPU. Both models stay loaded and take
 * turns; every turn has new prompts, so that nothing of the turn before is left in the cache.
 */
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { z } from "zod";
import { createRandom } from "../../src/data/random.ts";
import { defineLlama } from "../../src/model/llama-config.ts";
import { saveLlama } from "../../src/model/llama-files.ts";
import { initialValue, listParameters } from "../../src/model/llama-parameters.ts";
import { withMalloc } from "../../src/std/malloc.ts";
import { Bars } from "../bars.ts";
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
const rounds = 5;
/** Of transformers' tokens per second, the prompt's time counted in. */
const leastSpeed = 1;

const Hello = z.object({ system: z.string(), parameters: z.int() });
const Answer = z.object({ milliseconds: z.number(), tokens: z.array(z.array(z.int())) });
type Answer = z.infer<typeof Answer>;

interface Side {
  readonly system: string;
  readonly parameters: number;
  /** Until it could be asked. */
  readonly startMs: number;
  generate(prompts: readonly (readonly number[])[], newTokens: number): Promise<Answer>;
}

/** Where a setting of the environment makes the peer faster, set it for both: ours has it in any case. */
const decodingOf = (name: string, batch: number, newTokens: number): Benchmark => ({
  name,
  description: `tokens per second of generation with cache, 117.7 M parameters, batch ${batch}, against transformers`,
  bar: `×${leastSpeed} of transformers`,
  large: true,
  async run(report) {
    const missing = await missingModules(["torch", "transformers"]);
    const folder = join("cache", "bench", "decoding-model");
    await mkdir(folder, { recursive: true });
    try {
      await saveRandomModel(folder);
      await using peer = missing === undefined ? await openPeer(folder) : undefined;
      await using ours = await openOurs(folder, batch);
      if (peer !== undefined && peer.parameters !== ours.parameters)
        throw new Error(`ours has ${ours.parameters} parameters, transformers' model ${peer.parameters}`);
      const compare = (job: string, unit: string, value: number, peerValue: number | null, note?: string) => {
        const system = peer?.system ?? "transformers";
        const compared = row({
          bench: name,
          job: `${job}, ${ours.system}`,
          value,
          unit,
          peer: system,
          peerValue,
          ...(note === undefined ? {} : { note }),
        });
        report(compared);
        return compared.ratio;
      };
      const jobs = [
        { what: "generate", count: newTokens, perRun: newTokens },
        { what: "prefill", count: 1, perRun: promptTokens },
      ];
      const held = new Bars();
      for (const { what, count, perRun } of jobs) {
        const [values, peerValues, agreed] = await turns(ours, peer, batch, count);
        const rate = (milliseconds: readonly number[]) =>
          median(milliseconds.map((ms) => (batch * perRun * 1000) / ms));
        const speed = compare(
          `${what}, batch ${batch}, ${promptTokens} + ${count} tokens`,
          "tokens/s",
          rate(values),
          peer === undefined ? null : rate(peerValues),
          missing ?? `${agreed} of ${rounds * batch} texts are token by token the same`,
        );
        if (what === "generate")
          held.require(speed === null || speed >= leastSpeed, `${what} at ×${leastSpeed} of transformers`);
      }
      compare("start, until it may be asked", "s", ours.startMs / 1000, peer ? peer.startMs / 1000 : null);
      held.check();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});

export const decoding = decodingOf("decoding", 1, 64);
export const decodingTogether = decodingOf("decoding-together", 8, 32);

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
  // Drawn once and then again and again: so many take a minute. Their number is a prime, so no two rows are alike.
  const gaussians = Float64Array.from({ length: 65_537 }, () => random.nextGaussian());
  let drawn = 0;
  const nextGaussian = () => gaussians[drawn++ % gaussians.length] ?? 0;
  const parameters = new Map(listParameters(config).map((parameter) => [parameter.name, parameter]));
  await saveLlama(folder, config, (name) => {
    const parameter = parameters.get(name);
    if (parameter === undefined) throw new Error(`no parameter ${name}`);
    return Promise.resolve(initialValue(parameter, config, nextGaussian));
  });
}

/** In the environment that `generate` gives the process that speaks. */
const openOurs = (folder: string, texts: number): Promise<Side & AsyncDisposable> =>
  openSide(
    process.execPath,
    [join(dirname(fileURLToPath(import.meta.url)), "decode-texts.mjs"), folder, String(texts)],
    withMalloc("tensors", process.env),
  );

/** In the user's own environment. */
const openPeer = (folder: string): Promise<Side & AsyncDisposable> =>
  openSide(python, ["bench/peers/transformers_generate.py", folder], process.env);

/** A process that answers requests line by line. */
async function openSide(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Side & AsyncDisposable> {
  const child = execa(file, args, {
    env: { ...env, CUDA_VISIBLE_DEVICES: "-1" },
    reject: false,
    buffer: false,
    stderr: "inherit",
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const line = await lines.next();
    if (line.done === true) throw new Error(`${args.join(" ")} ended early`);
    return JSON.parse(line.value);
  };
  const start = performance.now();
  const { system, parameters } = Hello.parse(await next());
  return {
    system,
    parameters,
    startMs: performance.now() - start,
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
