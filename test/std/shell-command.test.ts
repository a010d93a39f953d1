import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { shellCommand } from "../../src/std/shell-command.ts";

test("plain words stay plain", () => {
  expect(shellCommand(["npx", "pipeline", "run", "--set", "pretrain.steps=4"])).toBe(
    "npx pipeline run --set pretrain.steps=4",
  );
  expect(shellCommand(["generate", "Once upon a time"])).toBe('generate "Once upon a time"');
});

test("a shell reads back the words that were written", () => {
  const word = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0"));
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), (words) => {
      const script = `printf '%s\\0' ${shellCommand(words)}`;
      const read = execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1);
      expect(read).toEqual(words);
    }),
    { numRuns: 40 },
  );
});
