import { expect, test } from "vitest";
import type { UnfinishedCheckpoint } from "../../src/train/checkpoint.ts";
import { CheckpointWriter } from "../../src/train/checkpoint-writer.ts";

/** Checkpoints whose way to the disk ends when the test says so. */
class Disk {
  readonly finished: number[] = [];
  readonly #ends = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  readonly writer = new CheckpointWriter(async (checkpoint) => {
    await checkpoint.finish(() => false);
  });

  begin(step: number): Promise<void> {
    return this.writer.write(() => {
      const flushed = new Promise<void>((resolve, reject) => this.#ends.set(step, { resolve, reject }));
      const finish = async () => {
        await flushed;
        this.finished.push(step);
        return `step ${step}`;
      };
      return Promise.resolve<UnfinishedCheckpoint>({ step, flushed, finish });
    });
  }

  async flush(step: number): Promise<void> {
    this.#ends.get(step)?.resolve();
    await Promise.resolve();
  }

  async fail(step: number): Promise<void> {
    this.#ends.get(step)?.reject(new Error("no space left"));
    await Promise.resolve();
  }
}

test("steps are taken until the disk has it, and then it gets its name", async () => {
  const disk = new Disk();
  await disk.begin(1);
  await disk.writer.finishIfFlushed();
  expect(disk.finished).toEqual([]);
  await disk.flush(1);
  await disk.writer.finishIfFlushed();
  await disk.writer.finishIfFlushed();
  expect(disk.finished).toEqual([1]);
});

test("one that could not be written stops the run at its next step, once", async () => {
  const disk = new Disk();
  await disk.begin(1);
  await disk.fail(1);
  await expect(disk.writer.finishIfFlushed()).rejects.toThrow("no space left");
  await disk.writer.finish();
  expect(disk.finished).toEqual([]);
});

test("the next one, and the end, wait for the one before", async () => {
  const disk = new Disk();
  await disk.begin(1);
  const second = disk.begin(2);
  await disk.flush(1);
  await second;
  expect(disk.finished).toEqual([1]);
  const end = disk.writer[Symbol.asyncDispose]();
  await disk.flush(2);
  await end;
  expect(disk.finished).toEqual([1, 2]);
});
