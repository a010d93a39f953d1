/** A small real project in a directory of its own: pipeline.ts, stages, a recipe; compiled and run as a person's. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { compileProject } from "../../src/runner/compile.ts";
import type { RunnerEvent } from "../../src/runner/event.ts";
import { openSession } from "../../src/runner/session.ts";
import type { RunOptions, RunSummary, Session, SessionOptions } from "../../src/runner/session-types.ts";

export const packageRoot = dirname(dirname(import.meta.dirname));

const FILES: Readonly<Record<string, string>> = {
  "src/text.ts": `
    import { readFileSync, existsSync, writeFileSync } from "node:fs";
    import { join } from "node:path";
    import { artifact } from "${packageRoot}/src/pipeline/index.ts";
    const file = (directory: string) => join(directory, "value.txt");
    export const text = <const K extends string>(kind: K, formatVersion = 1) => artifact({
      kind, formatVersion,
      open: async (directory) => readFileSync(file(directory), "utf8"),
      create: async (directory) => ({ save: (value: string) => writeFileSync(file(directory), value) }),
      validate: async (directory) => {
        if (!existsSync(file(directory))) throw new Error("no value.txt");
        if (readFileSync(file(directory), "utf8").includes("invalid")) throw new Error("it says invalid");
      },
    });
    export const Words = text("words");
    export const Total = text("total");
    export const Report = text("report");`,
  "src/one.ts": `import { two } from "./two.ts";\n/** One. */\nexport const one = (value: number): number => two(value);`,
  "src/two.ts": `import { three } from "./three.ts";\nexport const two = (value: number): number => three(value);`,
  "src/three.ts": `export const three = (value: number): number => value * 3;`,
  "src/trace.ts": `
    import { appendFileSync } from "node:fs";
    /** Leaves a trace outside the store of every execution. */
    export const trace = (line: string): void => appendFileSync("trace.txt", line + "\\n");`,
  "stages/words.ts": `
    import { z } from "zod";
    import { defineStage } from "${packageRoot}/src/pipeline/index.ts";
    import { one } from "../src/one.ts";
    import { Words } from "../src/text.ts";
    import { trace } from "../src/trace.ts";
    export const words = defineStage({
      name: "words", description: "Makes words.", inputs: {}, outputs: { words: Words },
      params: z.strictObject({ count: z.int().default(3), parity: z.boolean().default(false), logEvery: z.int().default(1) }),
      runtimeParams: ["logEvery"],
      async run({ outputs, params, context }) {
        trace("words");
        const number = one(params.count); // a comment
        context.log("making " + number);
        const writer = await outputs.words.create();
        writer.save(params.parity ? String(number % 2) : String(number));
        return { words: outputs.words.written({ number }) };
      },
    });`,
  // Counts to its steps, writing a checkpoint at each; the environment, which is no input, tells it to hang or die.
  "stages/count.ts": `
    import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
    import { join } from "node:path";
    import { setTimeout as sleep } from "node:timers/promises";
    import { z } from "zod";
    import { defineStage } from "${packageRoot}/src/pipeline/index.ts";
    import { Total, Words } from "../src/text.ts";
    import { trace } from "../src/trace.ts";
    export const count = defineStage({
      name: "count", description: "Counts.", inputs: { words: Words }, outputs: { total: Total },
      params: z.strictObject({ steps: z.int().default(5), schedule: z.strictObject({ rate: z.number().default(1) }).prefault({}) }),
      async run({ inputs, outputs, params, context }) {
        const file = join(context.checkpointDirectory, "state.json");
        let state = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { step: 0, total: 0 };
        trace("count from " + state.step);
        while (state.step < params.steps) {
          state = { step: state.step + 1, total: state.total * 31 % 1000003 + Number(inputs.words) * params.schedule.rate };
          writeFileSync(file + ".next", JSON.stringify(state));
          renameSync(file + ".next", file);
          context.checkpointed(state.step);
          context.progress({ done: state.step, total: params.steps, unit: "steps", metrics: { total: state.total } });
          if (context.signal.aborted) throw new Error("stopped at " + state.step);
          if (String(state.step) === process.env["HANG_AT"]) await sleep(600_000, undefined, { signal: context.signal });
          if (String(state.step) === process.env["BLOCK_AT"]) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600_000);
          if (String(state.step) === process.env["WAIT_AT"]) while (!existsSync(process.env["WAIT_FOR"])) await sleep(20);
          if (String(state.step) === process.env["DIE_AT"]) process.kill(process.pid, process.env["DIE_BY"]);
        }
        (await outputs.total.create()).save(String(state.total));
        return { total: outputs.total.written({ total: state.total }) };
      },
    });`,
  "stages/report.ts": `
    import { z } from "zod";
    import { defineStage } from "${packageRoot}/src/pipeline/index.ts";
    import { Report, Total } from "../src/text.ts";
    import { trace } from "../src/trace.ts";
    export const report = defineStage({
      name: "report", description: "Reports.", inputs: { total: Total }, outputs: { report: Report },
      params: z.strictObject({ title: z.string().default("t") }),
      async run({ inputs, outputs, params }) {
        trace("report");
        (await outputs.report.create()).save(params.title + inputs.total);
        return { report: outputs.report.written() };
      },
    });`,
  // Ends as it is told.
  "stages/side.ts": `
    import { writeFileSync } from "node:fs";
    import { join } from "node:path";
    import { z } from "zod";
    import { defineStage } from "${packageRoot}/src/pipeline/index.ts";
    import { Report } from "../src/text.ts";
    import { trace } from "../src/trace.ts";
    export const side = defineStage({
      name: "side", description: "Stands alone.", inputs: {}, outputs: { side: Report },
      params: z.strictObject({ mode: z.string().default("well") }),
      environment: { engine: async () => process.env["TEST_ENGINE"] ?? "none" },
      async run({ outputs, params }) {
        trace("side");
        console.log("side says hello");
        if (params.mode === "throw") throw new Error("side failed on purpose");
        if (params.mode === "exit") { console.error("last words"); process.exit(7); }
        if (params.mode === "full") throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC", path: "/x" });
        if (params.mode === "forget") return {} as never;
        if (params.mode === "empty") return { side: outputs.side.written() };
        if (params.mode === "more") return { side: outputs.side.written(), other: outputs.side.written() } as never;
        writeFileSync(join(outputs.side.directory, "value.txt"), params.mode);
        return { side: outputs.side.written() };
      },
    });`,
  "pipeline.ts": `
    import { z } from "zod";
    import { definePipeline } from "${packageRoot}/src/pipeline/index.ts";
    import { count } from "./stages/count.ts";
    import { report } from "./stages/report.ts";
    import { side } from "./stages/side.ts";
    import { words } from "./stages/words.ts";
    const Config = z.strictObject({
      words: words.params.prefault({}), count: count.params.prefault({}), report: report.params.prefault({}), side: side.params.prefault({}),
    });
    export default definePipeline("test", Config, (p, config) => {
      const made = p.add(words, { inputs: {}, params: config.words });
      const { total } = p.add(count, { inputs: { words: made.words }, params: config.count });
      const { report: summary } = p.add(report, { inputs: { total }, params: config.report });
      const { side: other } = p.add(side, { inputs: {}, params: config.side });
      return { summary, other };
    }, { defaultConfig: "configs/test.yaml" });`,
  "configs/test.yaml": "words:\n  count: 3\n",
};

export class Project {
  readonly #directory = realpathSync(mkdtempSync(join(tmpdir(), "project-")));
  /** Below a node_modules, so that vitest lets Node load what was compiled instead of transforming it. */
  readonly root = join(this.#directory, "node_modules", "project");

  constructor() {
    mkdirSync(this.root, { recursive: true });
    symlinkSync(join(packageRoot, "node_modules"), join(this.root, "node_modules"));
    for (const [path, text] of Object.entries(FILES)) this.write(path, text);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), "utf8");
  }

  edit(path: string, from: string, to: string): void {
    const text = this.read(path);
    if (!text.includes(from)) throw new Error(`${path} does not hold ${from}`);
    this.write(path, text.replaceAll(from, to));
  }

  /** What executions left since the last look, in order. */
  executed(): string[] {
    if (!existsSync(join(this.root, "trace.txt"))) return [];
    const lines = this.read("trace.txt").split("\n").filter(Boolean);
    rmSync(join(this.root, "trace.txt"));
    return lines;
  }

  /** Removes what runs have left, and the settings; what is compiled stays, because compiling takes long. */
  forget(): void {
    for (const name of ["artifacts", "settings.yaml", "trace.txt"])
      rmSync(join(this.root, name), { recursive: true, force: true });
    for (const name of readdirSync(join(this.root, "cache")))
      if (name !== "compiled") rmSync(join(this.root, "cache", name), { recursive: true, force: true });
  }

  compile(): Promise<string> {
    // No command line is needed here: sessions are opened directly.
    return compileProject({ projectRoot: this.root, packageRoot, main: join(packageRoot, "src/errors.ts") });
  }

  async open(options: Partial<SessionOptions> = {}): Promise<Session> {
    const compiledDirectory = options.compiledDirectory ?? (await this.compile());
    return openSession({ projectRoot: this.root, compiledDirectory, ...options });
  }

  async with<T>(work: (session: Session) => Promise<T>, options: Partial<SessionOptions> = {}): Promise<T> {
    const session = await this.open(options);
    try {
      return await work(session);
    } finally {
      await session.close();
    }
  }

  /** Compiles, runs, and answers the summary with the events. */
  run(
    targets: readonly string[] = [],
    { onEvent, ...options }: RunOptions = {},
    sessionOptions: Partial<SessionOptions> = {},
  ): Promise<RunSummary & { events: RunnerEvent[] }> {
    return this.with(async (session) => {
      const events: RunnerEvent[] = [];
      const summary = await session.run(targets, {
        ...options,
        onEvent: (event) => {
          events.push(event);
          onEvent?.(event);
        },
      });
      return { ...summary, events };
    }, sessionOptions);
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** `{words: "hit", …}` */
export const outcomes = (summary: RunSummary): Record<string, string> =>
  Object.fromEntries(summary.stages.map(({ id, outcome }) => [id, outcome]));
