import fc from "fast-check";
import { expect, test } from "vitest";
import { FittingQueue, ResourceScheduler, type Capacity } from "../../src/runner/resource-queue.ts";

const capacity: Capacity = { cpus: 4, memoryBytes: 100, accelerators: 2 };

/** Runs tasks that end when they are told to; notes what runs together. */
function rig(available: Capacity = capacity) {
  const scheduler = new ResourceScheduler(available);
  const running = new Map<string, () => void>();
  const started: string[] = [];
  const accelerators = new Map<string, readonly number[]>();
  return {
    running,
    started,
    accelerators,
    add: (name: string, resources: { cpus?: number; memoryBytes?: number; accelerators?: number } = {}) =>
      scheduler.run(resources, async ({ acceleratorIds }) => {
        started.push(name);
        accelerators.set(name, acceleratorIds);
        await new Promise<void>((end) => running.set(name, end));
        running.delete(name);
      }),
    end: async (name: string) => {
      running.get(name)?.();
      await new Promise((resolve) => setTimeout(resolve, 5));
    },
  };
}

test("stages run together as long as there are slots, in the order in which they became ready", async () => {
  const { add, end, running, started } = rig();
  const all = ["a", "b", "c"].map((name) => add(name, { cpus: 2 }));
  await end("");
  expect([...running.keys()]).toEqual(["a", "b"]);
  await end("a");
  expect(started).toEqual(["a", "b", "c"]);
  await end("b");
  await end("c");
  await Promise.all(all);
});

test("a stage that asks for more than there is gets everything and runs alone", async () => {
  const { add, end, running } = rig();
  const all = [add("greedy", { cpus: 64 }), add("small")];
  await end("");
  expect([...running.keys()]).toEqual(["greedy"]);
  await end("greedy");
  expect([...running.keys()]).toEqual(["small"]);
  await end("small");
  await Promise.all(all);
});

test("a small stage may pass a large one that does not fit yet", async () => {
  const { add, end, running } = rig();
  const all = [add("first", { cpus: 3 }), add("large", { cpus: 4 }), add("small", { cpus: 1 })];
  await end("");
  expect([...running.keys()]).toEqual(["first", "small"]);
  await end("first");
  await end("small");
  expect([...running.keys()]).toEqual(["large"]);
  await end("large");
  await Promise.all(all);
});

test("no two stages share an accelerator", async () => {
  const { add, end, accelerators } = rig();
  const all = [add("a", { accelerators: 1 }), add("b", { accelerators: 1 }), add("c", { accelerators: 2 })];
  await end("");
  expect([...(accelerators.get("a") ?? []), ...(accelerators.get("b") ?? [])].sort()).toEqual([0, 1]);
  expect(accelerators.has("c")).toBe(false);
  await end("a");
  await end("b");
  expect([...(accelerators.get("c") ?? [])].sort()).toEqual([0, 1]);
  await end("c");
  await Promise.all(all);
});

test("a stage that fails gives its resources back", async () => {
  const scheduler = new ResourceScheduler({ cpus: 1, memoryBytes: 1, accelerators: 0 });
  await expect(scheduler.run({}, () => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
  await expect(scheduler.run({}, () => Promise.resolve("ran"))).resolves.toBe("ran");
});

test("whatever is asked for, everything runs and capacity is never exceeded", async () => {
  const demand = fc.record({
    cpus: fc.integer({ min: 1, max: 9 }),
    memoryBytes: fc.integer({ min: 0, max: 200 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(demand, { maxLength: 20 }), async (demands) => {
      const scheduler = new ResourceScheduler(capacity);
      let [cpus, memory, ran, most] = [0, 0, 0, { cpus: 0, memory: 0 }];
      await Promise.all(
        demands.map((each) =>
          scheduler.run(each, async () => {
            const taken = { cpus: Math.min(each.cpus, 4), memory: Math.min(each.memoryBytes, 100) };
            cpus += taken.cpus;
            memory += taken.memory;
            most = { cpus: Math.max(most.cpus, cpus), memory: Math.max(most.memory, memory) };
            await new Promise((resolve) => setImmediate(resolve));
            cpus -= taken.cpus;
            memory -= taken.memory;
            ran++;
          }),
        ),
      );
      expect(ran).toBe(demands.length);
      expect(most.cpus).toBeLessThanOrEqual(4);
      expect(most.memory).toBeLessThanOrEqual(100);
    }),
    { numRuns: 50 },
  );
});

test("stages wait for memory as they wait for CPU slots", async () => {
  const { add, end, running } = rig();
  const all = [add("a", { memoryBytes: 60 }), add("b", { memoryBytes: 60 }), add("c", { memoryBytes: 40 })];
  await end("");
  expect([...running.keys()]).toEqual(["a", "c"]);
  await end("a");
  expect([...running.keys()]).toEqual(["c", "b"]);
  await end("b");
  await end("c");
  await Promise.all(all);
});

test("without accelerators a stage that would use one runs all the same, and gets none", async () => {
  const { add, end, accelerators } = rig({ ...capacity, accelerators: 0 });
  const all = [add("a", { accelerators: 1 }), add("b", { accelerators: 1 })];
  await end("");
  expect([...accelerators.values()]).toEqual([[], []]);
  await end("a");
  await end("b");
  await Promise.all(all);
});

test("whatever the demands, the queue hands out the first that fits, in the order of arrival", () => {
  const demand = fc.record({
    cpus: fc.integer({ min: 1, max: 4 }),
    memoryBytes: fc.integer({ min: 0, max: 2 }),
  });
  fc.assert(
    fc.property(
      fc.array(demand, { maxLength: 40 }),
      fc.array(fc.integer({ min: 1, max: 4 })),
      (demands, free) => {
        let slots = 0;
        const queue = new FittingQueue(
          ({ cpus }) => cpus <= slots,
          () => undefined,
        );
        const tasks = demands.map((each) => ({ ...each, task: () => Promise.resolve() }));
        for (const { task, ...each } of tasks) queue.enqueue(task, { demand: { ...each, accelerators: 0 } });
        let left = tasks;
        for (slots of [...free, ...demands.map(() => 4)]) {
          const fitting = left.filter(({ cpus }) => cpus <= slots);
          expect(queue.size).toBe(fitting.length);
          expect(queue.dequeue()).toBe(fitting[0]?.task);
          left = left.filter((each) => each !== fitting[0]);
        }
        expect(queue.filter()).toEqual(left.map(({ task }) => task));
      },
    ),
  );
});

test.each([100, 1000])(
  "%i stages that ask for the same are weighed once each, not against each other",
  (count) => {
    let weighed = 0;
    const queue = new FittingQueue(
      () => ++weighed > 0,
      () => undefined,
    );
    for (let index = 0; index < count; index++) queue.enqueue(() => Promise.resolve());
    while (queue.size > 0) queue.dequeue();
    expect(weighed).toBeLessThanOrEqual(2 * count);
  },
);
