import fc from "fast-check";
import { expect, test } from "vitest";
import { padEnd, padStart, printable, textWidth, truncate, wrap } from "../../src/cli/text-width.ts";

test("Chinese, Japanese, Korean and full-width characters take two columns", () => {
  expect(["春风", "カナ", "한국", "Ａ１", "，。"].map(textWidth)).toEqual([4, 4, 4, 4, 4]);
});

test("Latin letters, box characters and half-width forms take one", () => {
  expect(["abc", "éü", "━─│└", "✔▶·…", "ｱｲ"].map(textWidth)).toEqual([3, 2, 4, 4, 2]);
});

test("combining marks take none, an emoji of several code points takes two", () => {
  expect(textWidth("e\u0301")).toBe(1);
  expect(textWidth("\u200B")).toBe(0);
  expect(["😀", "👨‍👩‍👧", "⚠️"].map(textWidth)).toEqual([2, 2, 2]);
});

test("what is counted without looking at graphemes counts the same with them", () => {
  const drawn = fc.string({ unit: fc.constantFrom(..."a é—·…→│█✔✖▶■◐◌ÿ¼‑'".split("")) });
  // A wide character in front sends the whole text the long way.
  fc.assert(fc.property(drawn, (text) => textWidth(`春${text}`) === textWidth(text) + 2));
});

test("cutting shows an ellipsis and never halves a wide character", () => {
  expect(truncate("hello", 5)).toBe("hello");
  expect(truncate("hello", 4)).toBe("hel…");
  expect(truncate("春风又绿", 4)).toBe("春…");
  expect(truncate("春风", 1)).toBe("…");
  expect(truncate("春风", 0)).toBe("");
});

test("what was cut fits, and padding fills exactly", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 0, max: 40 }), (text, columns) => {
      const cut = truncate(text, columns);
      expect(textWidth(cut)).toBeLessThanOrEqual(columns);
      expect(textWidth(padEnd(cut, columns))).toBe(columns);
      expect(textWidth(padStart(cut, columns))).toBe(columns);
    }),
  );
});

test("printable text is one line without escape codes", () => {
  expect(printable("\u001B[1mbold\u001B[0m\r\nnext\tcell\u2028end\u0000 ")).toBe("bold next cell end");
});

test("wrapping breaks at spaces and keeps every word", () => {
  expect(wrap("aa bb cc", 5)).toEqual(["aa bb", "cc"]);
  expect(wrap("a very-long-word b", 6)).toEqual(["a", "very-long-word", "b"]);
  expect(wrap("", 10)).toEqual([""]);
});
