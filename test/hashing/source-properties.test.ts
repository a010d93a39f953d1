/** The source digest on random import graphs: what only looks different costs nothing, what does different things is seen. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { digestSources, type SourceFacts } from "../../src/hashing/source-digest.ts";
import { SourceSnapshot } from "../../src/hashing/source-snapshot.ts";

const RUNS = Number(process.env["PROPERTY_CASES"] ?? "40");
const FUNCTIONS = 2;

/** Function `f` of module `m` is number `FUNCTIONS * m + f`. Calls may go in circles: nothing is run. */
interface Code {
  readonly constant: number;
  readonly calls: readonly number[];
}
/** What an author may write otherwise without meaning anything else. */
interface Style {
  readonly local: string;
  readonly parameter: string;
  readonly comment: string;
  readonly space: string;
  readonly typed: boolean;
}

const graphs = fc.integer({ min: 2, max: 6 }).chain((modules) =>
  fc.array(
    fc.record({
      constant: fc.integer({ min: 0, max: 1_000_000 }),
      calls: fc.uniqueArray(fc.nat(FUNCTIONS * modules - 1), { maxLength: 2 }),
    }),
    { minLength: FUNCTIONS * modules, maxLength: FUNCTIONS * modules },
  ),
);
const name = fc.stringMatching(/^[a-z]{2,12}_$/); // no keyword ends so
const style: fc.Arbitrary<Style> = fc.record({
  local: name.map((text) => `l${text}`),
  parameter: name.map((text) => `p${text}`),
  comment: fc.stringMatching(/^[a-z ={}();"]{0,30}$/),
  space: fc.constantFrom(" ", "\n", "  \n\t ", "   "),
  typed: fc.boolean(),
});

let projectRoot: string;
beforeEach(() => {
  projectRoot = mkdtempSync(join(tmpdir(), "source-properties-"));
});
afterEach(() => rmSync(projectRoot, { recursive: true, force: true }));

const moduleOf = (index: number): number => Math.floor(index / FUNCTIONS);

function write(path: string, text: string): void {
  mkdirSync(dirname(join(projectRoot, path)), { recursive: true });
  writeFileSync(join(projectRoot, path), text);
}

function moduleText(graph: readonly Code[], module: number, style: Style): string {
  const { local, parameter, comment, space, typed } = style;
  const own = graph.slice(FUNCTIONS * module, FUNCTIONS * (module + 1));
  const imported = [...new Set(own.flatMap(({ calls }) => calls))].filter(
    (index) => moduleOf(index) !== module,
  );
  const type = typed ? ": number" : "";
  // A type may come from anywhere, also from files that the stage does not run.
  const other = (module + 1) % (graph.length / FUNCTIONS);
  return [
    `// ${comment}`,
    ...(typed ? [`import type { Shape as Shape${other} } from "./m${other}.ts";`] : []),
    ...imported.map((index) => `import${space}{ f${index} } from "./m${moduleOf(index)}.ts";`),
    `export interface Shape { readonly ${local}: ${typed ? `Shape${other} | string` : "number"} }`,
    ...own.map(({ constant, calls }, index) => {
      const called = calls.map((callee) => `${space}+ f${callee}(${local})`).join("");
      return [
        `/** ${comment} */`,
        `export function f${FUNCTIONS * module + index}(${parameter}${type})${type} {`,
        `${space}const ${local}${type} = ${parameter}${space}* 31;${space}/* ${comment} */`,
        `return ${local} + ${constant}${called};${space}}`,
      ].join("\n");
    }),
  ].join("\n");
}

async function digest(graph: readonly Code[], styles: readonly Style[]): Promise<SourceFacts> {
  for (let module = 0; module < graph.length / FUNCTIONS; module++) {
    const style = styles[module % styles.length];
    if (style !== undefined) write(`src/m${module}.ts`, moduleText(graph, module, style));
  }
  const entry = join(projectRoot, "stages/stage.ts");
  write(
    "stages/stage.ts",
    `import { f0 } from "../src/m0.ts"; export const stage = { run: (x: number) => f0(x) };`,
  );
  const all = await digestSources({ projectRoot, entries: [entry], snapshot: new SourceSnapshot() });
  const facts = all.get(entry);
  if (facts === undefined) throw new Error("no facts");
  return facts;
}

/** All that follows from a start, the start included. */
function closure(start: number, next: (from: number) => readonly number[]): Set<number> {
  const seen = new Set([start]);
  for (const each of seen) for (const to of next(each)) seen.add(to);
  return seen;
}

const usedFunctions = (graph: readonly Code[]): Set<number> =>
  closure(0, (index) => graph[index]?.calls ?? []);

/** A file is reached by an import, whether or not what it imports is called. */
const reachedModules = (graph: readonly Code[]): Set<number> =>
  closure(0, (module) =>
    graph.flatMap(({ calls }, index) => (moduleOf(index) === module ? calls.map(moduleOf) : [])),
  );

const styles = fc.array(style, { minLength: 1, maxLength: 4 });

test("comments, white space, types and names of locals cost nothing, in any file of any graph", async () => {
  await fc.assert(
    fc.asyncProperty(graphs, styles, styles, async (graph, one, other) => {
      expect(await digest(graph, other)).toEqual(await digest(graph, one));
    }),
    { numRuns: RUNS },
  );
}, 300_000);

test("another constant in any function that is used is seen, and its file is named; in any other function or file it costs nothing", async () => {
  const seen = { used: 0, idle: 0, outside: 0 };
  await fc.assert(
    fc.asyncProperty(graphs, styles, styles, fc.nat(), async (graph, one, other, pick) => {
      const edited = pick % graph.length;
      const changed = graph.map((code, index) =>
        index === edited ? { ...code, constant: code.constant + 1 } : code,
      );
      const [before, after] = [await digest(graph, one), await digest(changed, other)];
      const files = Object.keys(before.files).filter((path) => before.files[path] !== after.files[path]);
      if (usedFunctions(graph).has(edited)) {
        seen.used++;
        expect(after.digest).not.toBe(before.digest);
        expect(files).toEqual([`src/m${moduleOf(edited)}.ts`]);
      } else if (reachedModules(graph).has(moduleOf(edited))) {
        seen.idle++;
        expect(after.digest).toBe(before.digest);
      } else {
        seen.outside++;
        expect(after).toEqual(before);
      }
    }),
    { numRuns: 2 * RUNS, seed: 1 },
  );
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(0);
}, 300_000);

test("a call of another function, in any function that is used, is seen", async () => {
  await fc.assert(
    fc.asyncProperty(graphs, styles, fc.nat(), fc.nat(), async (graph, one, pick, target) => {
      const apart = graph.map((code, index) => ({ ...code, constant: graph.length * code.constant + index }));
      const used = [...usedFunctions(apart)].filter((index) => (apart[index]?.calls.length ?? 0) > 0);
      const edited = used[pick % used.length];
      const [callee, ...rest] = apart[edited ?? 0]?.calls ?? [];
      const to = target % apart.length;
      fc.pre(edited !== undefined && callee !== undefined && callee !== to && !rest.includes(to));
      const changed = apart.map((code, index) =>
        index === edited ? { ...code, calls: [to, ...rest] } : code,
      );
      expect((await digest(changed, one)).digest).not.toBe((await digest(apart, one)).digest);
    }),
    { numRuns: RUNS },
  );
}, 300_000);
