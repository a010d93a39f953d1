import { expect, test } from "vitest";
import { oneAtATime } from "../../src/cli/one-at-a-time.ts";

/** Work that ends when told to, and counts how much of it goes on. */
function manualWork() {
  const ends: (() => void)[] = [];
  let [active, most, turns] = [0, 0, 0];
  const work = async () => {
    turns++;
    most = Math.max(most, ++active);
    await new Promise<void>((resolve) => ends.push(resolve));
    active--;
  };
  const endOne = async () => {
    ends.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { work, endOne, seen: () => ({ turns, most }) };
}

test("requests while it works make one more turn, however many they are", async () => {
  const { work, endOne, seen } = manualWork();
  const runs = oneAtATime(work);
  runs.request();
  runs.request();
  runs.request();
  expect(seen()).toEqual({ turns: 1, most: 1 });
  await endOne();
  expect(seen()).toEqual({ turns: 2, most: 1 });
  await endOne();
  expect(seen()).toEqual({ turns: 2, most: 1 });
  runs.request();
  expect(seen()).toEqual({ turns: 3, most: 1 });
});

test("idle waits for the turn at hand and starts none after it", async () => {
  const { work, endOne, seen } = manualWork();
  const runs = oneAtATime(work);
  runs.request();
  runs.request();
  const idle = runs.idle();
  await endOne();
  await idle;
  expect(seen()).toEqual({ turns: 1, most: 1 });
});
