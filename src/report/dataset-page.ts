/** A dataset as Markdown: what was asked for and got by stratum, what each filter took, where everything came from. */
import { sumTallies, type Manifest, type Tally } from "../data/documents/manifest.ts";
import { markdownTable } from "./markup.ts";
import { countOf, formatBytes, formatCount } from "./quantity.ts";

const right = "right" as const;

export function datasetPage(dataset: Manifest): string {
  const { content, seed, notes, repaired } = dataset;
  const mended = Object.entries(repaired).map(([fault, count]) => `${countOf(count, "record")} (${fault})`);
  const sections = [
    `# ${content[0]?.toUpperCase() ?? ""}${content.slice(1)}`,
    `Sampled with seed ${seed}. Characters are UTF-16 units; \`manifest.json\` holds the same figures.`,
    ...(notes.length === 0 ? [] : ["## Notes", notes.map((note) => `- ${note}`).join("\n")]),
    "## Strata",
    strataTable(dataset),
    "## What was read",
    `${readTable(dataset)}${mended.length === 0 ? "" : `\n\nKept after a repair: ${mended.join(", ")}.`}`,
    ...droppedByStratum(dataset),
    "## Files",
    filesTable(dataset),
    "## Sources",
    sourcesTable(dataset),
  ];
  return `${sections.join("\n\n")}\n`;
}

const nameOf = ({ language, category, quality }: Manifest["strata"][number]): string =>
  [language, category, ...(quality === undefined ? [] : [quality])].join(" / ");

function strataTable({ strata, content }: Manifest): string {
  const all = strata.reduce((sum, { got }) => sum + got.characters, 0);
  const unit = content === "documents" ? "characters" : "records";
  return markdownTable(
    [
      { title: "Stratum" },
      { title: `Asked (${unit})`, align: right },
      { title: `Available (${unit})`, align: right },
      { title: "Got: records", align: right },
      { title: "characters", align: right },
      { title: "share", align: right },
    ],
    strata.map((stratum) => [
      nameOf(stratum),
      formatCount(stratum.asked),
      stratum.available === undefined ? "not counted" : formatCount(stratum.available),
      formatCount(stratum.got.records),
      formatCount(stratum.got.characters),
      all === 0 ? "" : `${((100 * stratum.got.characters) / all).toFixed(2)} %`,
    ]),
  );
}

/** Read = kept + dropped by reason. */
function readTable({ read, dropped, files }: Manifest): string {
  const line = (title: string, { records, characters }: Tally): string[] => [
    title,
    formatCount(records),
    formatCount(characters),
  ];
  return markdownTable(
    [{ title: "" }, { title: "Records", align: right }, { title: "Characters", align: right }],
    [
      line("read", read),
      line("kept", sumTallies(files)),
      ...Object.entries(dropped).map(([reason, tally]) => line(`dropped: ${reason}`, tally)),
    ],
  );
}

function droppedByStratum({ strata }: Manifest): string[] {
  const reasons = [...new Set(strata.flatMap(({ dropped }) => Object.keys(dropped)))].sort();
  const rows = strata.filter(({ dropped }) => Object.keys(dropped).length > 0);
  if (rows.length === 0) return [];
  const table = markdownTable(
    [{ title: "Stratum" }, ...reasons.map((title) => ({ title, align: right }))],
    rows.map((stratum) => [
      nameOf(stratum),
      ...reasons.map((reason) => {
        const tally = stratum.dropped[reason];
        return tally ? `${formatCount(tally.records)} (${formatCount(tally.characters)})` : "";
      }),
    ]),
  );
  return ["## What each stratum dropped", `Records, and characters in brackets.\n\n${table}`];
}

function filesTable({ files }: Manifest): string {
  return markdownTable(
    [
      { title: "File" },
      { title: "Records", align: right },
      { title: "Characters", align: right },
      { title: "Size", align: right },
    ],
    files.map(({ path, records, characters, bytes }) => [
      path,
      formatCount(records),
      formatCount(characters),
      formatBytes(bytes),
    ]),
  );
}

function sourcesTable({ sources }: Manifest): string {
  return markdownTable(
    [{ title: "Source" }, { title: "Revision" }, { title: "Licence" }, { title: "Files read", align: right }],
    sources.map(({ name, revision, asked, licence, files }) => [
      name,
      asked === undefined ? revision : `${revision} (where ${asked} was)`,
      licence ?? "not stated",
      files === undefined ? "" : formatCount(files.length),
    ]),
  );
}
