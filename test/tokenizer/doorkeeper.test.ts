import { expect, test } from "vitest";
import { createRandom } from "../../src/data/random.ts";
import { Doorkeeper } from "../../src/tokenizer/doorkeeper.ts";

test("a hash is met from its second coming on, and one in eight is taken for met at most before all are forgotten", () => {
  const random = createRandom("hashes");
  const doorkeeper = new Doorkeeper();
  let taken = 0;
  let seen = 0;
  const first = random.nextUint32();
  expect(doorkeeper.meets(first)).toBe(false);
  // Up to where the bits for hashes are a quarter full, and it begins anew.
  for (; doorkeeper.meets(first) && seen < 1e7; seen++) if (doorkeeper.meets(random.nextUint32())) taken++;
  expect(seen).toBeGreaterThan(2 ** 19);
  expect(seen).toBeLessThan(2 ** 20);
  expect(taken / seen).toBeGreaterThan(0.11);
  expect(taken / seen).toBeLessThan(0.14);
  expect(doorkeeper.meets(first)).toBe(true);
});
