import fc from "fast-check";
import { expect, test } from "vitest";
import { forgetNames } from "../../src/hashing/forget-names.ts";

/** Code with three locals in three scopes, beside every place where a name is not a local. */
const code = (a: string, b: string, c: string): string => `
  import ${a}_i, { readFile as ${b}_i } from "node:fs";
  const ${a} = 3;
  export class Box { #${c}_p = 1; size = ${a}; get(${b}) { return this.#${c}_p + ${b}.size; } }
  function helper({ size: ${b}, rest = ${a} }, [${c}, ...${a}_r]) {
    ${a}_l: for (const ${a}_k of ${a}_r) { if (${a}_k.id === "id") continue ${a}_l; console.log(${b}, rest, ${c}); }
    try { return { ${b}, size: ${c}, rest, f: (${a}_x) => ${a}_x * ${b} }; } catch (${c}_e) { throw ${c}_e; }
  }
  export const run = () => helper(new Box(), [${b}_i, ${a}_i]);
  export { ${a} as limit };`;

const name = fc
  .stringMatching(/^[a-zA-Z][a-zA-Z0-9]{0,7}$/)
  .filter((text) => !["do", "if", "in", "of", "as", "new", "for", "let", "try", "var"].includes(text))
  .filter(
    (text) =>
      !/^(await|break|case|catch|class|const|delete|else|enum|eval|export|false|import|interface|null|package|private|public|return|static|super|switch|this|throw|true|typeof|void|while|with|yield|default|extends|finally|function|continue|Box|run|rest|helper|console|debugger)$/.test(
        text,
      ),
  );

test("any choice of names for the locals gives one text", async () => {
  const expected = await forgetNames(code("alpha", "beta", "gamma").replaceAll("{ beta,", "{ key: beta,"));
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(name, { minLength: 3, maxLength: 3 }),
      async ([a = "", b = "", c = ""]) => {
        // A shorthand names a property too: the key is spelt out so that only locals change.
        const renamed = code(a, b, c).replace(`{ ${b},`, `{ key: ${b},`);
        expect(await forgetNames(renamed)).toBe(expected);
      },
    ),
    { numRuns: 60 },
  );
});

test.each([
  ["a short property", "export const f = (v) => v.a;", "export const f = (v) => v.b;"],
  ["a short string", `export const f = () => "a";`, `export const f = () => "b";`],
  ["a short key", "export const f = (v) => ({ a: v });", "export const f = (v) => ({ b: v });"],
  ["a shorthand key", "export const f = (a) => ({ a });", "export const f = (b) => ({ b });"],
  ["a key taken apart", "export const f = ({ a }) => a;", "export const f = ({ b }) => b;"],
  ["a global", "export const f = () => a;", "export const f = () => b;"],
  ["an exported name", "export const a = 1;", "export const b = 1;"],
  [
    "an imported name",
    `import { a as x } from "p"; export const f = x;`,
    `import { b as x } from "p"; export const f = x;`,
  ],
  ["which local", "export const f = (a, b) => a - b;", "export const f = (a, b) => b - a;"],
  [
    "the target of a jump",
    "export function f(x) { a: for (;;) b: for (;;) { if (x()) break a; } }",
    "export function f(x) { a: for (;;) b: for (;;) { if (x()) break b; } }",
  ],
  [
    "which private field",
    "export class C { #a = 1; #b = 2; f() { return this.#a - this.#b; } }",
    "export class C { #a = 1; #b = 2; f() { return this.#b - this.#a; } }",
  ],
  ["a method's name", "export class C { a() { return 1; } }", "export class C { b() { return 1; } }"],
  ["a re-exported name", `export { a } from "p";`, `export { b } from "p";`],
  ["text in a template", "export const f = (v) => `a${v}`;", "export const f = (v) => `b${v}`;"],
])("%s counts", async (_what, left, right) => {
  expect(await forgetNames(left)).not.toBe(await forgetNames(right));
});
