/** Words without a meaning whose frequencies are as unequal as those of a language. */
import type { Random } from "../src/data/random.ts";

const letters = "eeeeettttaaaooiinnsshhrrdlluccmfwgypbvk";

export const generatedWords = (random: Random): string[] =>
  Array.from({ length: 20_000 }, () =>
    Array.from({ length: 2 + random.nextInt(8) }, () => letters[random.nextInt(letters.length)]).join(""),
  );

/** Item r with a chance that falls as 1/r (Zipf's law). */
export const zipf = (items: readonly string[], random: Random): string =>
  items[Math.floor(items.length ** random.uniform()) - 1] ?? "";
