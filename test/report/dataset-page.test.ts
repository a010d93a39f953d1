import { expect, test } from "vitest";
import { datasetPage } from "../../src/report/dataset-page.ts";

const tally = (records: number, characters: number) => ({ records, characters });

test("the page names every stratum, also one that gave nothing, and what each filter took", () => {
  const stratum = {
    language: "zh",
    category: "news_media",
    asked: 0,
    got: tally(0, 0),
    dropped: {},
  } as const;
  const page = datasetPage({
    formatVersion: 2,
    content: "documents",
    seed: 7,
    asked: 11_000,
    read: tally(1010, 12_345),
    dropped: { "too short": tally(3, 30), duplicate: tally(1, 1000) },
    repaired: { loneSurrogates: 2 },
    strata: [
      {
        ...stratum,
        quality: "high",
        asked: 11_000,
        available: 20_000,
        got: tally(1006, 11_315),
        dropped: { "too short": tally(3, 30) },
      },
      { ...stratum, category: "biomedicine" },
    ],
    notes: ["zh news_media: high is used up"],
    files: [{ path: "train.jsonl", ...tally(1006, 11_315), bytes: 35_000, sha256: "0".repeat(64) }],
    sources: [
      {
        name: "hf:team/set",
        revision: "0123",
        files: ["a.parquet", "b.parquet"].map((path) => ({ path, digest: "", bytes: 1 })),
      },
      { name: "modelscope:team/set", revision: "4567", asked: "master", licence: "MIT" },
    ],
  });
  expect(page).toContain("# Documents\n");
  expect(page).toContain("- zh news_media: high is used up");
  const row = (start: string): string[] =>
    (page.split("\n").find((line) => line.replaceAll(/\s+/gu, " ").startsWith(`| ${start} |`)) ?? "")
      .split("|")
      .slice(2, -1)
      .map((cell) => cell.trim());
  expect(row("zh / news_media / high")).toEqual(["11,000", "20,000", "1,006", "11,315", "100.00 %"]);
  expect(row("zh / biomedicine")).toEqual(["0", "not counted", "0", "0", "0.00 %"]);
  expect(row("read")).toEqual(["1,010", "12,345"]);
  expect(row("kept")).toEqual(["1,006", "11,315"]);
  expect(row("dropped: too short")).toEqual(["3", "30"]);
  expect(row("dropped: duplicate")).toEqual(["1", "1,000"]);
  expect(row("train.jsonl")).toEqual(["1,006", "11,315", "35 kB"]);
  expect(row("hf:team/set")).toEqual(["0123", "not stated", "2"]);
  expect(row("modelscope:team/set")).toEqual(["4567 (where master was)", "MIT", ""]);
  expect(page).toContain("3 (30)");
  expect(page).toContain("Kept after a repair: 2 records (loneSurrogates).");
});
