import fc from "fast-check";
import { expect, test } from "vitest";
import { contentDigest, hashToUnit, normalizeText, splitOf } from "../../../src/data/documents/split.ts";
import { DigestSet } from "../../../src/data/documents/digest-set.ts";

const text = fc.string({ unit: "grapheme", maxLength: 60 });

test("copies that differ in letter case, width or white space land on the same side", () => {
  fc.assert(
    fc.property(text, fc.double({ min: 0, max: 1, noNaN: true }), (original, fraction) => {
      const side = splitOf(original, fraction);
      expect(splitOf(`  ${original}\n`, fraction)).toBe(side);
      expect(splitOf(original.normalize("NFKC").replaceAll(" ", " \t "), fraction)).toBe(side);
    }),
  );
  expect(normalizeText("Ｆｕｌｌ  Width\n")).toBe("full width");
});

test("every run of white space counts as one blank, whatever it is made of", () => {
  const character = fc.constantFrom(
    "a",
    "B",
    "中",
    " ",
    " ",
    "\t",
    "\n",
    "\u00a0",
    "\u2003",
    "\u3000",
    "\ufeff",
  );
  const texts = fc.array(character, { maxLength: 40 }).map((characters) => characters.join(""));
  fc.assert(
    fc.property(texts, (text) => {
      const words = text.toLowerCase().split(/\s+/u);
      expect(normalizeText(text)).toBe(words.filter((word) => word !== "").join(" "));
    }),
  );
});

test("raising the fraction only moves texts to the held-out side", () => {
  fc.assert(
    fc.property(
      text,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (one, a, b) => {
        if (splitOf(one, Math.min(a, b)) === "heldout") expect(splitOf(one, Math.max(a, b))).toBe("heldout");
      },
    ),
  );
});

test("the held-out share is the fraction, within four standard deviations", () => {
  const count = 20_000;
  const fraction = 0.05;
  let heldOut = 0;
  for (let index = 0; index < count; index++)
    if (splitOf(`document ${index}`, fraction) === "heldout") heldOut++;
  expect(Math.abs(heldOut - count * fraction)).toBeLessThan(4 * Math.sqrt(count * fraction * (1 - fraction)));
  expect(splitOf("anything", 0)).toBe("train");
  expect(splitOf("anything", 1)).toBe("heldout");
});

test("different labels give independent numbers", () => {
  let both = 0;
  for (let index = 0; index < 20_000; index++) {
    const digest = contentDigest(`document ${index}`);
    if (hashToUnit("a", digest) < 0.5 && hashToUnit("b", digest) < 0.5) both++;
  }
  expect(Math.abs(both - 5000)).toBeLessThan(4 * Math.sqrt(20_000 * 0.25 * 0.75));
});

test("a digest set knows what was added, as a Set does, through many growths", () => {
  const set = new DigestSet(1);
  const reference = new Set<string>();
  for (let index = 0; index < 30_000; index++) {
    const one = `text ${index % 20_000}`;
    const isNew = !reference.has(one);
    reference.add(one);
    expect(set.add(contentDigest(one))).toBe(isNew);
  }
  expect(set.size).toBe(20_000);
});
