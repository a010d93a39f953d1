import fc from "fast-check";
import { expect, test } from "vitest";
import { splitOf } from "../../../src/data/documents/split.ts";
import { documentHash, isHeldOut } from "../../../src/data/shards/document-hash.ts";

test("a shard's validation documents are exactly the corpus's held-out ones", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme" }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (text, fraction) => {
        expect(isHeldOut(documentHash(text), fraction)).toBe(splitOf(text, fraction) === "heldout");
      },
    ),
    { numRuns: 500 },
  );
});

test("spelling that does not make another text does not change the side", () => {
  expect(documentHash("A  river\nruns")).toEqual(documentHash("a river runs"));
});
