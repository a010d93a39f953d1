import { expect, test } from "vitest";
import { batchBySize } from "../../src/std/batch-by-size.ts";
import { collect } from "../../src/std/collect.ts";
import { mapInOrder, WorkerPool } from "../../src/std/worker-pool.ts";

const url = new URL("./answering-worker.ts", import.meta.url);

async function withPool(size: number, use: (pool: WorkerPool<string, string>) => Promise<void>) {
  const pool = new WorkerPool<string, string>(url, size, "hello");
  try {
    await use(pool);
  } finally {
    await pool.close();
  }
}

test("more is asked than there are threads: every request is answered, to whoever asked it", () =>
  withPool(2, async (pool) => {
    const asked = Array.from({ length: 20 }, (_, index) => String(index));
    const answers = await Promise.all(asked.map((one) => pool.ask(one)));
    expect(answers.map((answer) => answer.split(" ")[1])).toEqual(asked);
  }));

test("each thread is asked once, whatever was answered before", () =>
  withPool(3, async (pool) => {
    await Promise.all(["a", "b", "c", "d"].map((one) => pool.ask(one)));
    const answers = await pool.askEach("each");
    // Three of the four requests before went to different threads, the fourth to one of them.
    expect(answers.sort()).toEqual(["hello each 2", "hello each 2", "hello each 3"]);
    expect((await pool.askEach("each")).length).toBe(3);
  }));

test("a thread that holds several requests answers them in their order; there is room while one may hold more", async () => {
  const pool = new WorkerPool<string, string>(url, 2, "hello", { ahead: 2 });
  try {
    const rooms: boolean[] = [];
    const asked = ["a", "b", "c", "d", "e"].map((one) => {
      rooms.push(pool.hasRoom);
      return pool.ask(one);
    });
    expect(rooms).toEqual([true, true, true, true, false]);
    const answers = await Promise.all(asked);
    // Each thread was sent two of four before any answer, and tells how many it has answered.
    expect(answers.slice(0, 4)).toEqual(["hello a 1", "hello b 1", "hello c 2", "hello d 2"]);
    expect(answers[4]).toBe("hello e 3");
    expect(pool.hasRoom).toBe(true);
  } finally {
    await pool.close();
  }
});

test("asking each while threads are at work is a mistake", () =>
  withPool(2, async (pool) => {
    const asked = pool.ask("a");
    await expect(pool.askEach("each")).rejects.toThrow("while threads are at work");
    await asked;
  }));

test("what a thread throws rejects everything that waits, and what is asked later", () =>
  // One thread: with another, what waits may be answered before the failure is known.
  withPool(1, async (pool) => {
    const asked = ["fail", "a", "b"].map((one) => pool.ask(one));
    for (const one of await Promise.allSettled(asked))
      expect(one).toMatchObject({ status: "rejected", reason: { message: "the thread failed" } });
    await expect(pool.ask("later")).rejects.toThrow("the thread failed");
    await expect(pool.askEach("later")).rejects.toThrow("the thread failed");
  }));

test("answers come in the order of the items, with no more than so many at work", async () => {
  let [working, most] = [0, 0];
  const work = async (item: number) => {
    most = Math.max(most, ++working);
    // The first of each three ends last.
    for (let turn = 0; turn < 20 * (3 - (item % 3)); turn++) await Promise.resolve();
    working--;
    return 10 * item;
  };
  const items = Array.from({ length: 10 }, (_, index) => index);
  expect(await collect(mapInOrder(items, 3, work))).toEqual(items.map((item) => 10 * item));
  expect(most).toBe(3);
});

test("an item whose work fails ends the answers there", async () => {
  const work = (item: number) => (item === 2 ? Promise.reject(new Error("two")) : Promise.resolve(item));
  const answers: number[] = [];
  await expect(async () => {
    for await (const answer of mapInOrder([0, 1, 2, 3], 2, work)) answers.push(answer);
  }).rejects.toThrow("two");
  expect(answers).toEqual([0, 1]);
});

test("batches end with the item that fills them; nothing is lost, no batch is empty", async () => {
  const batches = await collect(batchBySize([3, 1, 5, 9, 1], (size) => size, 4));
  expect(batches).toEqual([[3, 1], [5], [9], [1]]);
  expect(await collect(batchBySize([], () => 1, 4))).toEqual([]);
});
