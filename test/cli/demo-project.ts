/**
 * A project of two small stages in a temporary directory, driven through bin/pipeline.js as a user drives
 * it: nothing is mocked. Not a test.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";

const packageRoot = resolve(import.meta.dirname, "../..");
const api = JSON.stringify(join(packageRoot, "src/pipeline/index.ts"));

const files: Readonly<Record<string, string>> = {
  "package.json": '{"type": "module"}',
  "text-artifact.ts": `
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { artifact } from ${api};
export const Text = artifact({
  kind: "text",
  formatVersion: 1,
  open: (directory: string) => readFile(join(directory, "text.txt"), "utf8"),
  create: (directory: string) =>
    Promise.resolve((text: string) => writeFile(join(directory, "text.txt"), text)),
  validate: () => Promise.resolve(),
});
`,
  "stages/source.ts": `
import { z } from "zod";
import { defineStage } from ${api};
import { Text } from "../text-artifact.ts";
export const source = defineStage({
  name: "source",
  description: "Writes a word.",
  inputs: {},
  outputs: { text: Text },
  params: z.strictObject({ word: z.string().default("hello") }),
  async run({ outputs, params }) {
    await (await outputs.text.create())(params.word);
    return { text: outputs.text.written({ characters: params.word.length }) };
  },
});
`,
  "stages/count.ts": `
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { defineStage } from ${api};
import { Text } from "../text-artifact.ts";
export const count = defineStage({
  name: "count",
  description: "Counts, and resumes where it stopped.",
  inputs: { text: Text },
  outputs: { numbers: Text },
  params: z.strictObject({ steps: z.int(), stepMs: z.int().default(0), failAt: z.int().optional() }),
  async run({ outputs, params, context }) {
    const file = join(context.checkpointDirectory, "step");
    for (let step = Number(await readFile(file, "utf8").catch(() => "0")); step < params.steps; step++) {
      if (context.signal.aborted) {
        await writeFile(file, String(step));
        context.checkpointed(step);
        throw context.signal.reason;
      }
      if (step === params.failAt) throw new Error("failed as asked");
      context.progress({ done: step, total: params.steps, unit: "steps" });
      await new Promise((resolve) => setTimeout(resolve, params.stepMs));
    }
    await (await outputs.numbers.create())(String(params.steps));
    return { numbers: outputs.numbers.written({ loss: 3.25 }) };
  },
});
`,
  "pipeline.ts": `
import { z } from "zod";
import { definePipeline } from ${api};
import { count } from "./stages/count.ts";
import { source } from "./stages/source.ts";
export default definePipeline(
  "demo",
  z.strictObject({ source: source.params, count: count.params }),
  (p, config) => {
    const { text } = p.add(source, { inputs: {}, params: config.source });
    return p.add(count, { inputs: { text }, params: config.count });
  },
  { defaultConfig: "configs/tiny.yaml" },
);
`,
  "configs/tiny.yaml": "source:\n  word: tide\ncount:\n  steps: 3\n",
};

export interface DemoProject extends Disposable {
  readonly directory: string;
  /** `pipeline ARGUMENTS`, started; standard input is empty. */
  start(...commandLine: readonly string[]): ReturnType<typeof startPipeline>;
}

function startPipeline(directory: string, commandLine: readonly string[]) {
  return execa(process.execPath, [join(packageRoot, "bin/pipeline.js"), ...commandLine], {
    cwd: directory,
    reject: false,
    stdin: "ignore",
    env: { NO_COLOR: "", FORCE_COLOR: undefined, CI: undefined },
  });
}

export function createDemoProject(): DemoProject {
  const directory = mkdtempSync(join(tmpdir(), "demo-project-"));
  for (const folder of ["stages", "configs"]) mkdirSync(join(directory, folder));
  for (const [path, text] of Object.entries(files)) writeFileSync(join(directory, path), text);
  symlinkSync(join(packageRoot, "node_modules"), join(directory, "node_modules"));
  return {
    directory,
    start: (...commandLine) => startPipeline(directory, commandLine),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}
