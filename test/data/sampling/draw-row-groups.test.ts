import { expect, test } from "vitest";
import { createRandom } from "../../../src/data/random.ts";
import { RowDraws, type DrawOptions, type RowGroupFile } from "../../../src/data/sampling/draw-row-groups.ts";
import type { Row } from "../../../src/data/formats/parquet-decode.ts";

/** A file of groups of numbered rows; notes what is read of it. */
function file(path: string, groups: number, rowsPerGroup: number, reads: string[] = []): RowGroupFile {
  const readRowGroup = (group: number): Promise<Row[]> => {
    reads.push(`${path} ${group}`);
    return Promise.resolve(Array.from({ length: rowsPerGroup }, (_, row) => ({ path, group, row })));
  };
  const openRows = () => {
    reads.push(path);
    return Promise.resolve({ rowGroups: groups, readRowGroup });
  };
  return { path, size: groups * rowsPerGroup * 100, openRows };
}

async function take(draws: RowDraws, count = Infinity): Promise<Row[]> {
  const rows: Row[] = [];
  while (rows.length < count) {
    const row = await draws.next();
    if (!row) break;
    rows.push(row);
  }
  return rows;
}

const name = ({ path, group, row }: Row): string => `${String(path)}/${String(group)}/${String(row)}`;
const corpus = () => [file("a", 4, 6), file("b", 9, 6), file("empty", 0, 0), file("c", 1, 6)];

test("every row of every group is drawn once, in an order that the seed decides", async () => {
  for (const rowShare of [1, 0.5, 0.3]) {
    const draw = async (seed: number): Promise<string[]> =>
      (await take(new RowDraws(corpus(), createRandom(seed), { rowShare }))).map(name);
    const one = await draw(1);
    expect(one).toHaveLength(84);
    expect(new Set(one).size).toBe(84);
    expect(await draw(1)).toEqual(one);
    expect(await draw(2)).not.toEqual(one);
  }
});

test("each row's chance to be in a sample is the same: in files of all sizes, anywhere in them and in their groups", async () => {
  const seeds = 4000;
  const wanted = 12;
  for (const rowShare of [1, 0.5]) {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < seeds; seed++) {
      const rows = await take(new RowDraws(corpus(), createRandom(seed), { rowShare }), wanted);
      for (const row of rows) counts.set(name(row), (counts.get(name(row)) ?? 0) + 1);
    }
    expect(counts.size).toBe(84);
    const expected = (seeds * wanted) / 84;
    for (const count of counts.values())
      expect(Math.abs(count - expected)).toBeLessThan(5 * Math.sqrt(expected));
  }
});

test("with a share of the rows a sample touches more groups, and none a second time before all had their turn", async () => {
  const reads: string[] = [];
  const files = [file("a", 6, 8, reads), file("b", 6, 8, reads)];
  await take(new RowDraws(files, createRandom(1), { rowShare: 0.25 }), 24);
  const groups = reads.filter((read) => read.includes(" "));
  expect(groups).toHaveLength(12);
  expect(new Set(groups).size).toBe(12);
});

test("files are opened when they are first drawn from, and only those", async () => {
  const reads: string[] = [];
  const files = Array.from({ length: 50 }, (_, index) => file(`f${index}`, 20, 10, reads));
  await take(new RowDraws(files, createRandom(1)), 30);
  expect(reads.filter((read) => !read.includes(" ")).length).toBeLessThanOrEqual(3);
});

test("a draw that goes on from any row gives the rest of an undisturbed one, and reads nothing that was finished", async () => {
  for (const rowShare of [1, 0.5]) {
    const whole = (await take(new RowDraws(corpus(), createRandom(7), { rowShare }))).map(name);
    for (let stop = 0; stop <= whole.length; stop += 5) {
      const first = new RowDraws(corpus(), createRandom(7), { rowShare });
      const begun = (await take(first, stop)).map(name);
      const state = JSON.parse(JSON.stringify(first.state())) as DrawOptions["state"];
      const reads: string[] = [];
      const files = [
        file("a", 4, 6, reads),
        file("b", 9, 6, reads),
        file("empty", 0, 0, reads),
        file("c", 1, 6, reads),
      ];
      const second = new RowDraws(files, createRandom(7), { rowShare, state });
      expect(second.state()).toEqual(state); // nothing was drawn yet
      expect([...begun, ...(await take(second)).map(name)]).toEqual(whole);
      const left = whole.slice(stop).map((row) => row.split("/").slice(0, 2).join(" "));
      expect(reads.filter((read) => read.includes(" ")).every((read) => left.includes(read))).toBe(true);
    }
  }
});
