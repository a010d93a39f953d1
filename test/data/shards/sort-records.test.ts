import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type MixedRecord, putHead, recordBytes } from "../../../src/data/shards/mixed-record.ts";
import { sortRecords } from "../../../src/data/shards/sort-records.ts";
import { temporaryFolder } from "./corpus.ts";

/** A record of `size` bytes whose number is in its tokens and in the size of its text. */
function chunkOf(records: readonly { readonly key: number; readonly size: number }[], first: number): Buffer {
  const chunk = Buffer.alloc(records.reduce((sum, { size }) => sum + recordBytes(size), 0));
  let place = 0;
  for (const [index, { key, size }] of records.entries()) {
    const number = first + index;
    const side = number % 3 === 0 ? "validation" : "train";
    place = putHead(
      chunk,
      place,
      { key, side, bytes: number, hash: [number + 1, 0xffffffff], stratum: 7 },
      size,
    );
    chunk.fill(number & 0xff, place, (place += size));
  }
  return chunk;
}

async function* chunksOf(records: readonly { readonly key: number; readonly size: number }[]) {
  for (let first = 0; first < records.length; first += 10) {
    await Promise.resolve();
    yield chunkOf(records.slice(first, first + 10), first);
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
        for await (const record of sortRecords(chunksOf(records), { folder, memoryBytes })) {
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
        }
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
  for await (const record of sortRecords(chunksOf(records), { folder: temporaryFolder(), memoryBytes: 1000 }))
    got.push({ ...record, tokens: record.tokens.slice() });
  expect(got.map(({ key }) => key)).toEqual([1, 3, 5, 9]);
  expect(got.map(({ tokens }) => tokens.length)).toEqual(records.map(({ size }) => size));
  expect(got.map(({ tokens }) => tokens.at(-1))).toEqual([3, 1, 0, 2]);
});
