import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { MixedRecord } from "../../../src/data/shards/mixed-record.ts";
import { RecordSorter, type SortOptions } from "../../../src/data/shards/sort-records.ts";
import { temporaryFolder } from "./corpus.ts";

interface Sized {
  readonly key: number;
  readonly size: number;
}

/** Records whose number is in their tokens and in the size of their text, in order; each group is looked at while it holds. */
async function sort(records: readonly Sized[], options: SortOptions, look: (record: MixedRecord) => void) {
  const sorter = new RecordSorter(options);
  try {
    const tokens = Buffer.alloc(Math.max(0, ...records.map(({ size }) => size)));
    for (const [number, { key, size }] of records.entries()) {
      const side = number % 3 === 0 ? "validation" : "train";
      const head = { key, side, bytes: number, hash: [number + 1, 0xffffffff], stratum: 7 } as const;
      await sorter.add(head, tokens.subarray(0, size).fill(number & 0xff));
    }
    for await (const group of sorter.sorted()) for (const record of group) look(record);
  } finally {
    await sorter.close();
  }
}

const key = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.integer({ min: 0xabcdef00, max: 0xabcdef03 }), // apart in the last byte alone
  fc.constant(0xffffffff),
);

test("records come in the order of their keys, equal ones in their own, however little memory there is", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ key, size: fc.nat(40) }), { maxLength: 200 }),
      fc.integer({ min: 0, max: 4000 }),
      async (records, memoryBytes) => {
        const folder = join(temporaryFolder(), "unsorted");
        const numbers: number[] = [];
        await sort(records, { folder, memoryBytes }, (record) => {
          const number = record.bytes;
          numbers.push(number);
          expect({ ...record, tokens: [...record.tokens] }).toEqual({
            key: records[number]?.key,
            side: number % 3 === 0 ? "validation" : "train",
            bytes: number,
            hash: [number + 1, 0xffffffff],
            stratum: 7,
            tokens: new Array<number>(records[number]?.size ?? -1).fill(number & 0xff),
          });
        });
        const inOrder = [...records.entries()].sort(([, a], [, b]) => a.key - b.key).map(([at]) => at);
        expect(numbers).toEqual(inOrder);
        if (existsSync(folder)) expect(readdirSync(folder)).toEqual([]);
      },
    ),
    { numRuns: 40 },
  );
});

test("a record larger than what is read at once, and than memory, passes whole", async () => {
  const records = [5, 3, 9, 1].map((key) => ({ key, size: 3 << 20 }));
  const got: MixedRecord[] = [];
  await sort(records, { folder: temporaryFolder(), memoryBytes: 1000 }, (record) => {
    got.push({ ...record, tokens: Uint8Array.from(record.tokens) });
  });
  expect(got.map(({ key }) => key)).toEqual([1, 3, 5, 9]);
  expect(got.map(({ tokens }) => tokens.length)).toEqual(records.map(({ size }) => size));
  expect(got.map(({ tokens }) => tokens.at(-1))).toEqual([3, 1, 0, 2]);
});
