import fc from "fast-check";
import { expect, test } from "vitest";
import { createRandom, restoreRandom } from "../../../src/data/random.ts";

const key = "0".repeat(31) + "1";

test("the generator gives the numbers of the C reference from state 1, 2, 3, 4", () => {
  // Published with rand_xoshiro (Rust), made by the authors' xoshiro128starstar.c.
  const expected = [
    11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
  ];
  const random = restoreRandom({ key, words: [1, 2, 3, 4], spareGaussian: null });
  expect(expected.map(() => random.nextUint32())).toEqual(expected);
});

test("the generator gives the numbers of the C reference from a state with high bits", () => {
  // Published with xoshiro-6502 (edorfaus), made by the authors' C code.
  const random = restoreRandom({
    key,
    words: [0x964d4a0c, 0xd40ab895, 0xad7fdecb, 0x3006f0f0],
    spareGaussian: null,
  });
  const expected = [0xf1391922, 0x6fe53806, 0xa5be2840, 0xf510ee70];
  expect(expected.map(() => random.nextUint32())).toEqual(expected);
});

test("a restored stream goes on exactly where the state was taken, Gaussian spare included", () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.array(fc.constantFrom("int", "gauss", "float"), { maxLength: 20 }),
      (seed, draws) => {
        const random = createRandom(seed);
        for (const draw of draws) {
          if (draw === "int") random.nextInt(7);
          else if (draw === "gauss") random.nextGaussian();
          else random.uniform();
        }
        const state: unknown = JSON.parse(JSON.stringify(random.state()));
        const restored = restoreRandom(state as ReturnType<typeof random.state>);
        for (let i = 0; i < 5; i++) {
          expect(restored.nextGaussian()).toBe(random.nextGaussian());
          expect(restored.nextUint32()).toBe(random.nextUint32());
        }
        expect(restored.fork("x").nextUint32()).toBe(random.fork("x").nextUint32());
      },
    ),
  );
});

test("what is no state is refused", () => {
  expect(() => restoreRandom({ key, words: [0, 0, 0, 0], spareGaussian: null })).toThrow(/not the state/);
  expect(() => restoreRandom({ key: "zz", words: [1, 0, 0, 0], spareGaussian: null })).toThrow(
    /not the state/,
  );
  expect(() => restoreRandom({ key, words: [1.5, 0, 0, 0], spareGaussian: null })).toThrow(/not the state/);
});

test("equal seeds give equal streams and different seeds different ones", () => {
  const draw = (seed: number | string) => {
    const random = createRandom(seed);
    return Array.from({ length: 4 }, () => random.nextUint32());
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  expect(draw(1)).not.toEqual(draw("1"));
  expect(() => createRandom(0.5)).toThrow(/not an integer/);
});

test("a fork depends on seed and label only, not on what was drawn before", () => {
  const before = createRandom(3).fork("order").nextUint32();
  const parent = createRandom(3);
  parent.nextGaussian();
  expect(parent.fork("order").nextUint32()).toBe(before);
  expect(createRandom(3).fork("other").nextUint32()).not.toBe(before);
  expect(createRandom(4).fork("order").nextUint32()).not.toBe(before);
});

test("nextInt is uniform where a plain modulo would be visibly biased", () => {
  // 3·2^30 leaves the top quarter of the range: a modulo would give the first third twice as often.
  const random = createRandom(11);
  const bound = 3 * 2 ** 30;
  let low = 0;
  const draws = 30_000;
  for (let i = 0; i < draws; i++) if (random.nextInt(bound) < 2 ** 30) low++;
  expect(Math.abs(low / draws - 1 / 3)).toBeLessThan(5 * Math.sqrt(2 / 9 / draws));
});

test("nextInt stays under its bound and refuses senseless bounds", () => {
  const random = createRandom(1);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (bound) => {
      const value = random.nextInt(bound);
      expect(value >= 0 && value < bound && Number.isInteger(value)).toBe(true);
    }),
  );
  for (const bound of [0, -1, 1.5, 2 ** 33, Number.NaN]) expect(() => random.nextInt(bound)).toThrow(/bound/);
});

test("uniform and Gaussian draws have the moments of their distributions", () => {
  const random = createRandom(5);
  const draws = 100_000;
  let sum = 0;
  let gaussSum = 0;
  let gaussSquares = 0;
  let gaussFourths = 0;
  for (let i = 0; i < draws; i++) {
    const u = random.uniform();
    expect(u >= 0 && u < 1).toBe(true);
    sum += u;
    const g = random.nextGaussian();
    gaussSum += g;
    gaussSquares += g * g;
    gaussFourths += g ** 4;
  }
  // Five standard errors each.
  expect(Math.abs(sum / draws - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / draws));
  expect(Math.abs(gaussSum / draws)).toBeLessThan(5 / Math.sqrt(draws));
  expect(Math.abs(gaussSquares / draws - 1)).toBeLessThan(5 * Math.sqrt(2 / draws));
  expect(Math.abs(gaussFourths / draws - 3)).toBeLessThan(5 * Math.sqrt(96 / draws));
});

test("a shuffle gives every order equally often", () => {
  const random = createRandom(9);
  const counts = new Map<string, number>();
  const draws = 24_000;
  for (let i = 0; i < draws; i++) {
    const order = random.shuffle([0, 1, 2, 3]).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(24);
  const expected = draws / 24;
  let chiSquare = 0;
  for (const count of counts.values()) chiSquare += (count - expected) ** 2 / expected;
  expect(chiSquare).toBeLessThan(49.7); // 0.1 % point at 23 degrees of freedom
});
