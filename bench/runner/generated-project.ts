/** Projects for the runner's benchmarks: real ones with fast stages, compiled and run through the bin. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";

export const packageRoot = process.cwd();

const bin = join(packageRoot, "bin/pipeline.js");

/** Path below the project → contents. */
export type ProjectFiles = Readonly<Record<string, string>>;

export class GeneratedProject {
  readonly root = mkdtempSync(join(tmpdir(), "bench-project-"));

  constructor(files: ProjectFiles) {
    symlinkSync(join(packageRoot, "node_modules"), join(this.root, "node_modules"));
    for (const [path, text] of Object.entries(files)) this.write(path, text);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  /** Milliseconds that the whole process took; what it wrote. Throws where it failed. */
  async pipeline(...args: readonly string[]): Promise<{ readonly ms: number; readonly stdout: string }> {
    const start = performance.now();
    const { stdout } = await execa(process.execPath, [bin, ...args], {
      cwd: this.root,
      maxBuffer: 1 << 28,
    });
    return { ms: performance.now() - start, stdout };
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

const author = `${packageRoot}/src/pipeline/index.ts`;

const textArtifact = `
  import { readFileSync, writeFileSync } from "node:fs";
  import { join } from "node:path";
  import { artifact } from "${author}";
  export const Text = artifact({
    kind: "text",
    formatVersion: 1,
    open: async (directory) => readFileSync(join(directory, "text.txt"), "utf8"),
    create: async (directory) => ({ save: (text: string) => writeFileSync(join(directory, "text.txt"), text) }),
    validate: async () => undefined,
  });`;

/** A stage that joins what it reads; its params are as large as those of a training stage. */
const joiningStage = (name: string, inputs: readonly string[]): string => `
  import { z } from "zod";
  import { defineStage } from "${author}";
  import { Text } from "../src/text.ts";
  const schedule = z.strictObject({
    peak: z.number().positive().default(0.001).describe("learning rate after the warm-up"),
    warmupSteps: z.int().nonnegative().default(10).describe("steps until the peak"),
    decay: z.enum(["cosine", "linear", "none"]).default("cosine"),
  });
  const optimizer = z.strictObject({
    beta1: z.number().min(0).max(1).default(0.9),
    beta2: z.number().min(0).max(1).default(0.95),
    weightDecay: z.number().nonnegative().default(0.1),
    gradientClip: z.number().positive().nullable().default(1),
  });
  export const ${name} = defineStage({
    name: "${name}",
    description: "joins what it reads",
    inputs: { ${inputs.map((input) => `${input}: Text`).join(", ")} },
    outputs: { text: Text },
    params: z.strictObject({
      seed: z.int().default(1),
      label: z.string().default("${name}"),
      schedule: schedule.prefault({}),
      optimizer: optimizer.prefault({}),
      logEvery: z.int().positive().default(10),
    }),
    runtimeParams: ["logEvery"],
    async run({ inputs, outputs, params }) {
      const text = [params.label, String(params.seed), ...Object.values(inputs)].join(" ");
      (await outputs.text.create()).save(text.slice(-200));
      return { text: outputs.text.written({ length: text.length }) };
    },
  });`;

/** The shape of the language model's pipeline: eleven instances of nine stages. */
export function modelShapedProject(): ProjectFiles {
  const inputs: Readonly<Record<string, readonly string[]>> = {
    sample: [],
    tokenizer: ["corpus"],
    tokenize: ["corpus", "tokenizer"],
    shard: ["tokens", "tokenizer"],
    pretrain: ["shards", "tokenizer"],
    sft: ["base", "corpus", "tokenizer"],
    dpo: ["policy", "corpus", "tokenizer"],
    evaluate: ["model", "shards", "corpus", "tokenizer"],
    bundle: ["model", "tokenizer", "corpus", "baseScores", "sftScores", "scores"],
  };
  const names = Object.keys(inputs);
  return {
    "src/text.ts": textArtifact,
    ...Object.fromEntries(
      Object.entries(inputs).map(([name, each]) => [`stages/${name}.ts`, joiningStage(name, each)]),
    ),
    "configs/base.yaml": names.map((name) => `${name}:\n  seed: 1 # of this stage\n`).join(""),
    "configs/default.yaml": `extends: base.yaml\npretrain:\n  schedule:\n    peak: 0.002\n`,
    "pipeline.ts": `
      import { z } from "zod";
      import { definePipeline } from "${author}";
      ${names.map((name) => `import { ${name} } from "./stages/${name}.ts";`).join("\n")}
      const Config = z.strictObject({ ${names.map((name) => `${name}: ${name}.params`).join(", ")} });
      export default definePipeline("model-shaped", Config, (p, config) => {
        const { text: corpus } = p.add(sample, { inputs: {}, params: config.sample });
        const { text: tokens0 } = p.add(tokenizer, { inputs: { corpus }, params: config.tokenizer });
        const shared = { corpus, tokenizer: tokens0 };
        const { text: tokens } = p.add(tokenize, { inputs: shared, params: config.tokenize });
        const { text: shards } = p.add(shard, { inputs: { tokens, tokenizer: tokens0 }, params: config.shard });
        const { text: base } = p.add(pretrain, { inputs: { shards, tokenizer: tokens0 }, params: config.pretrain });
        const { text: policy } = p.add(sft, { inputs: { base, ...shared }, params: config.sft });
        const { text: model } = p.add(dpo, { inputs: { policy, ...shared }, params: config.dpo });
        const scoresOf = (id: string, checkpoint: typeof model) =>
          p.add(evaluate, { id, inputs: { model: checkpoint, shards, ...shared }, params: config.evaluate }).text;
        const baseScores = scoresOf("eval-base", base);
        const sftScores = scoresOf("eval-sft", policy);
        const scores = scoresOf("eval", model);
        const { text: out } = p.add(bundle, { inputs: { model, ...shared, baseScores, sftScores, scores }, params: config.bundle });
        return { bundle: out, scores };
      }, { defaultConfig: "configs/default.yaml" });`,
  };
}

/**
 * `count` instances of one stage, wired as chains that fan out and in. They write `results` different texts, and equal
 * work is shared.
 */
export function manyStagesProject(count: number, results: number): ProjectFiles {
  return {
    "src/text.ts": textArtifact,
    "stages/link.ts": joiningStage("link", ["left", "right"]).replace(
      /const text = .*;/,
      "const text = params.label;",
    ),
    "stages/first.ts": joiningStage("first", []),
    "configs/default.yaml": "label: link\n",
    "pipeline.ts": `
      import { z } from "zod";
      import { definePipeline } from "${author}";
      import { first } from "./stages/first.ts";
      import { link } from "./stages/link.ts";
      const Config = z.strictObject({ label: z.string() });
      export default definePipeline("many-stages", Config, (p, config) => {
        const made = [p.add(first, { inputs: {}, params: {} }).text];
        for (let index = 1; index < ${count}; index++) {
          const [left, right] = [made[index - 1], made[Math.floor(index / 2)]];
          const params = { label: config.label + (index % ${results}) };
          made.push(p.add(link, { id: "link-" + index, inputs: { left, right }, params }).text);
        }
        return { last: made[made.length - 1] };
      }, { defaultConfig: "configs/default.yaml" });`,
  };
}

/** One stage that names a folder of files. */
export function filesProject(folder: string): ProjectFiles {
  return {
    "src/text.ts": textArtifact,
    "stages/reader.ts": joiningStage("reader", []).replace(
      "async run(",
      `files: () => [${JSON.stringify(folder)}],\n    async run(`,
    ),
    "configs/default.yaml": "seed: 1\n",
    "pipeline.ts": `
      import { definePipeline } from "${author}";
      import { reader } from "./stages/reader.ts";
      export default definePipeline("files", reader.params, (p, config) => {
        const { text } = p.add(reader, { inputs: {}, params: config });
        return { text };
      }, { defaultConfig: "configs/default.yaml" });`,
  };
}

/** A stage that makes a sparse file of `bytes`, and one that reads it. */
export function largeArtifactProject(bytes: number): ProjectFiles {
  return {
    "src/text.ts": textArtifact
      .replace(
        /create: .*/,
        `create: async (directory) => ({ grow: () => {
        writeFileSync(join(directory, "text.txt"), "");
        truncateSync(join(directory, "text.txt"), ${bytes});
      } }),`,
      )
      .replace("import { readFileSync,", "import { statSync, truncateSync,")
      .replace(
        'readFileSync(join(directory, "text.txt"), "utf8")',
        'statSync(join(directory, "text.txt")).size',
      ),
    "stages/maker.ts": joiningStage("maker", []).replace(/\.save\(.*\);/, ".grow();"),
    "stages/reader.ts": joiningStage("reader", ["large"]).replace(/\.save\(.*\);/, ".grow();"),
    "configs/default.yaml": "seed: 1\n",
    "pipeline.ts": `
      import { definePipeline } from "${author}";
      import { maker } from "./stages/maker.ts";
      import { reader } from "./stages/reader.ts";
      export default definePipeline("large", maker.params, (p, config) => {
        const { text: large } = p.add(maker, { inputs: {}, params: config });
        return { text: p.add(reader, { inputs: { large }, params: {} }).text };
      }, { defaultConfig: "configs/default.yaml" });`,
  };
}
