/** Evaluation scores as Markdown: one row for a task and a metric, one column for each checkpoint. */
import { markdownTable } from "./markup.ts";
import { formatCount } from "./quantity.ts";

export interface Score {
  /** What was measured, e.g. `held-out text`, `capital of a country`. */
  readonly task: string;
  /** BCP 47, e.g. `en`, `zh`; absent where the task mixes them. */
  readonly language?: string;
  /** E.g. `bitsPerByte`, `accuracy`. */
  readonly metric: string;
  /** The column, e.g. `base`, `SFT`, `DPO`. */
  readonly checkpoint: string;
  readonly value: number;
  readonly better: "higher" | "lower";
  /** How many items or documents it is a mean of. */
  readonly items?: number;
  /** What costs nothing: chance, or a unigram model. */
  readonly baseline?: { readonly label: string; readonly value: number };
}

/** The page: heading, table, and how to read it. */
export function scoresPage(title: string, scores: readonly Score[]): string {
  return `# ${title}\n\n${scoresTable(scores)}\n\n↓ lower is better, ↑ higher is better. Items: how many documents or questions a figure is the mean of.\n`;
}

/** Rows and columns stand in the order of their first score. */
export function scoresTable(scores: readonly Score[]): string {
  const checkpoints = [...new Set(scores.map(({ checkpoint }) => checkpoint))];
  const rows = group(scores);
  return markdownTable(
    [
      { title: "Task" },
      { title: "Language" },
      { title: "Metric" },
      ...checkpoints.map((title) => ({ title, align: "right" as const })),
      { title: "Baseline", align: "right" },
      { title: "Items", align: "right" },
    ],
    rows.map((row) => {
      const { task, language, metric, better, baseline, items } = row.head;
      return [
        task,
        language ?? "both",
        `${metric} ${better === "lower" ? "↓" : "↑"}`,
        ...checkpoints.map((checkpoint) => {
          const value = row.values.get(checkpoint);
          return value === undefined ? "" : value.toFixed(3);
        }),
        baseline === undefined ? "" : `${baseline.value.toFixed(3)} (${baseline.label})`,
        items === undefined ? "" : formatCount(items),
      ];
    }),
  );
}

interface Row {
  readonly head: Score;
  readonly values: Map<string, number>;
}

function group(scores: readonly Score[]): readonly Row[] {
  const rows = new Map<string, Row>();
  for (const score of scores) {
    const key = JSON.stringify([score.task, score.language ?? null, score.metric]);
    const row = rows.get(key) ?? { head: score, values: new Map<string, number>() };
    row.values.set(score.checkpoint, score.value);
    rows.set(key, row);
  }
  return [...rows.values()];
}
