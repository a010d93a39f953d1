/**
 * The two builds of a project. The program: everything that the runner's own process needs, as one script
 * (program.ts says why). The stages: ES modules that share chunks, for stage processes. Packages stay where they
 * are installed and are named by their absolute path, so compiled code may lie anywhere, also behind a link.
 */
import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { basename, dirname, extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, transform, type BuildOptions, type Plugin } from "esbuild";
import { packageJsonOf, packageName } from "../hashing/packages.ts";
import { posixRelative } from "../hashing/source-digest.ts";
import type { SourceSnapshot } from "../hashing/source-snapshot.ts";
import { PROGRAM_FILE, START_FILE } from "./compiled.ts";
import { inlineWorkers } from "./inline-workers.js";
import { SCRIPT_HEAD, SCRIPT_TAIL } from "./program.ts";

export interface BundleOptions {
  /** Absolute; holds pipeline.ts and stages/. */
  readonly projectRoot: string;
  /** Absolute; holds this package's sources. */
  readonly packageRoot: string;
  /** Absolute path of the command line's main module. */
  readonly main: string;
  /** Absolute paths of the stages' files. */
  readonly stageEntries: readonly string[];
  readonly snapshot: SourceSnapshot;
}

export interface Bundle {
  /** Path below the compiled directory → contents. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Of every package that is imported: an upgrade must be noticed. */
  readonly packageJsons: readonly string[];
}

/** What authors of other projects import this package by; it is TypeScript, which only a bundle makes loadable. */
const OWN_NAME = "minilm-pipeline";

/** Loaded at every start, so bundled: one file of what is used loads twice as fast as a package of eighty. */
const BUNDLED_PACKAGES = new Set(["zod", "yaml", "commander", OWN_NAME]);

const shared = {
  write: false,
  bundle: true,
  platform: "node",
  target: "node20",
  // What Node itself goes by; esbuild's default adds a condition for bundlers, whose files Node may not read.
  conditions: [],
  legalComments: "none",
  // Not tsconfig.json: what it says of checking must not change what code means.
  tsconfigRaw: {},
  logLevel: "silent",
} as const satisfies BuildOptions;

/** Rejects with esbuild's `BuildFailure` where a source cannot be compiled. */
export async function bundle(options: BundleOptions): Promise<Bundle> {
  const packageJsons = new Set<string>();
  const isOurs = (path: string): boolean => !isPackaged(posixRelative(options.projectRoot, path));
  const packages = packagesByPath(isOurs, packageJsons);
  const plugins = [packages, sourcesWithUrls(isOurs, options.snapshot)];
  const parts = await Promise.all([
    bundleProgram(options, plugins),
    bundleStart(options, plugins),
    // The only ones that start threads of their own.
    bundleStages(options, [
      packages,
      sourcesWithUrls(isOurs, options.snapshot, (text, path) => inlineWorkers(text, path, plugins)),
    ]),
  ]);
  return { files: new Map(parts.flat()), packageJsons: [...packageJsons].sort() };
}

type Files = (readonly [path: string, contents: Uint8Array])[];

async function bundleProgram(options: BundleOptions, plugins: Plugin[]): Promise<Files> {
  const { projectRoot, packageRoot, main, stageEntries } = options;
  const part = (path: string): string => `() => import(${JSON.stringify(path)})`;
  const stages = stageEntries.map(
    (path) => `${JSON.stringify(posixRelative(projectRoot, path))}: ${part(path)}`,
  );
  const { outputFiles } = await build({
    ...shared,
    absWorkingDir: projectRoot,
    stdin: {
      contents: `
        export const pipeline = ${part(join(projectRoot, "pipeline.ts"))};
        export const main = ${part(main)};
        export const session = ${part(join(packageRoot, "src/runner/session.ts"))};
        export const stages = { ${stages.join(", ")} };`,
      resolveDir: projectRoot,
      sourcefile: "program",
    },
    format: "cjs",
    // A tagged template sees how its text is spelled, so `inAscii` must not meet one.
    supported: { "template-literal": false },
    plugins: [zodLocalesApart, ...plugins],
  });
  const text = inAscii(outputFiles.map((file) => file.text).join(""));
  return [[PROGRAM_FILE, Buffer.from(`${SCRIPT_HEAD}${loadLazily(text)}${SCRIPT_TAIL}`, "latin1")]];
}

/**
 * esbuild spells strings and names in ASCII already; what is left is comments and regular expressions, where `\u`
 * and four digits for each UTF-16 unit mean the same (ECMA-262, RegExpUnicodeEscapeSequence, pairs included).
 * The script then is read as it is: decoding UTF-8 to two bytes a character costs each start as long as a plan does.
 */
const inAscii = (script: string): string =>
  script.replaceAll(/[^\0-\x7F]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** How esbuild writes imports of what is not bundled: of a default or namespace, and of names only. */
const IMPORTS = /__toESM\(require\(("[^"\n]*")\)(?:, 1)?\)|(?<=\bimport_\w+ = )require\(("[^"\n]*")\)/g;

/** Imports become modules that load themselves when they are first used; a bundled package's own `require` stays. */
const loadLazily = (program: string): string =>
  program.replaceAll(
    IMPORTS,
    (_call, whole: string | undefined, named: string | undefined) => `__lazily(${whole ?? named ?? ""})`,
  );

async function bundleStart({ packageRoot }: BundleOptions, plugins: Plugin[]): Promise<Files> {
  const { outputFiles } = await build({
    ...shared,
    absWorkingDir: packageRoot,
    entryPoints: [join(packageRoot, "src/runner/start.ts")],
    format: "cjs",
    plugins,
  });
  return outputFiles.map(({ contents }) => [START_FILE, contents]);
}

/** Bundled CommonJS packages ask for Node's modules by `require`, which ES modules lack. */
const REQUIRE_BANNER =
  'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';

async function bundleStages(options: BundleOptions, plugins: Plugin[]): Promise<Files> {
  const { projectRoot, packageRoot, stageEntries } = options;
  const runner = join(packageRoot, "src/runner");
  const outdir = join(projectRoot, "cache/compiled/out"); // names only: nothing is written here
  const { outputFiles } = await build({
    ...shared,
    absWorkingDir: projectRoot,
    entryPoints: [
      { in: join(runner, "stage-process.ts"), out: "stage-process" },
      { in: join(runner, "watchdog.ts"), out: "watchdog" },
      // Of the command line, in this build because it is a process and shares what the stages are made of.
      { in: join(packageRoot, "src/cli/speaker/speaker-process.ts"), out: "speaker-process" },
      { in: join(packageRoot, "src/cli/estimate/measure-process.ts"), out: "measure-process" },
      ...stageEntries.map((path) => ({ in: path, out: `stages/${basename(path, ".ts")}` })),
    ],
    outdir,
    splitting: true,
    format: "esm",
    chunkNames: "chunks/[name]-[hash]",
    outExtension: { ".js": ".mjs" }, // ES modules whatever the package.json above says
    banner: { js: REQUIRE_BANNER },
    sourcemap: "linked",
    sourcesContent: false,
    plugins,
  });
  return outputFiles.map(({ path, contents }) => [posixRelative(outdir, path), contents]);
}

/** Leaves packages out, by the path that Node would find; where that is unknown, by name, and Node says what is wrong. */
function packagesByPath(isOurs: (path: string) => boolean, packageJsons: Set<string>): Plugin {
  const ours = Symbol("our own question");
  return {
    name: "packages-by-path",
    setup: (builder) => {
      builder.onResolve({ filter: /^[^./]/ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
        if (kind === "entry-point" || pluginData === ours) return undefined;
        if (isBuiltin(path)) return { path, external: true };
        if (isOurs(importer)) packageJsons.add(packageJsonOf(packageName(path), importer));
        if (BUNDLED_PACKAGES.has(packageName(path))) return undefined;
        const found = await builder.resolve(path, { kind, importer, resolveDir, pluginData: ours });
        const known = found.errors.length === 0 && found.namespace === "file";
        return { path: known ? pathToFileURL(found.path).href : path, external: true };
      });
    },
  };
}

/** zod's messages in fifty languages, a sixth of the program, are loaded if someone asks for `z.locales`; English stays. */
const zodLocalesApart: Plugin = {
  name: "zod-locales-apart",
  setup: (builder) => {
    builder.onResolve({ filter: /\/locales\/index\.js$/ }, ({ path, importer, resolveDir }) =>
      packageName(importer.split("/node_modules/").at(-1) ?? "") === "zod"
        ? { path: pathToFileURL(join(resolveDir, path.replace(/js$/, "cjs"))).href, external: true }
        : undefined,
    );
  },
};

/** `path`: relative to the project. Files of packages are watched by their package.json. */
export const isPackaged = (path: string): boolean => path.split("/").includes("node_modules");

/** Sources through the snapshot; `import.meta.url` is where the source is, wherever the compiled code lies. */
function sourcesWithUrls(
  isOurs: (path: string) => boolean,
  snapshot: SourceSnapshot,
  change: (text: string, path: string) => Promise<string> = (text) => Promise.resolve(text),
): Plugin {
  return {
    name: "sources-with-urls",
    setup: (builder) => {
      builder.onLoad({ filter: /\.(ts|mts|js|mjs)$/, namespace: "file" }, async ({ path }) => {
        const loader = extname(path).endsWith("ts") ? "ts" : "js";
        const text = isOurs(path) ? snapshot.read(path).text : readFileSync(path, "utf8");
        if (!text.includes("import.meta")) return { contents: text, loader };
        const { code } = await transform(await change(text, path), {
          loader,
          format: "esm",
          target: "node20",
          tsconfigRaw: {},
          sourcemap: "inline",
          sourcefile: path,
          define: {
            "import.meta.url": JSON.stringify(pathToFileURL(path).href),
            "import.meta.filename": JSON.stringify(path),
            "import.meta.dirname": JSON.stringify(dirname(path)),
          },
          logLevel: "silent",
        });
        return { contents: code, loader: "js" };
      });
      builder.onLoad({ filter: /\.json$/, namespace: "file" }, ({ path }) => ({
        contents: isOurs(path) ? snapshot.read(path).text : readFileSync(path),
        loader: "json",
      }));
    },
  };
}
