/** Why a stage did in a past run what it did. */
import { formatDuration } from "../../report/quantity.ts";
import type { PastWhyReport } from "../../runner/why-types.ts";
import type { Paint, Style } from "../paint.ts";
import { shortDigest } from "./short-digest.ts";
import { ago } from "./status-text.ts";
import { reasonChain } from "./why-chain-text.ts";

interface Look {
  readonly mark: string;
  readonly style: Style;
  readonly verdict: string;
}

const looks: Readonly<Record<PastWhyReport["outcome"], Look>> = {
  hit: { mark: "✔", style: "green", verdict: "was a hit" },
  executed: { mark: "▶", style: "cyan", verdict: "ran" },
  failed: { mark: "✖", style: "red", verdict: "ran and failed" },
  interrupted: { mark: "■", style: "yellow", verdict: "was interrupted" },
  skipped: {
    mark: "–",
    style: "dim",
    verdict: "was skipped: what it needs did not finish, or the run was stopped",
  },
  running: { mark: "…", style: "cyan", verdict: "was started, and the run goes on" },
  killed: { mark: "✖", style: "red", verdict: "was started, and the run was killed" },
};

/** `now`: milliseconds since the epoch. */
export function pastWhyText(report: PastWhyReport, now: number, paint: Paint): string {
  const { id, runId, startedAt, outcome, fingerprint, resumeStep } = report;
  const { mark, style, verdict } = looks[outcome];
  const from = resumeStep === undefined ? [] : [`- from step ${resumeStep}`];
  return [
    `${paint(style, mark)} ${paint("bold", id)} ${verdict}`,
    ...[...from, ...reasonChain(report, report.upstream)].map((line) => `  ${line}`),
    ...(report.known ? [] : ["  why is not known any more: its log is gone"]),
    "",
    `in run ${runId}, ${ago(startedAt, now)}`,
    ...executionLines(report, now),
    ...(fingerprint === null ? [] : [paint("dim", `fingerprint ${shortDigest(fingerprint)}`)]),
  ].join("\n");
}

function executionLines({ outcome, execution }: PastWhyReport, now: number): readonly string[] {
  if (execution === undefined)
    return outcome === "hit" ? ["the execution it stood on is gone from the store"] : [];
  const { runId, startedAt, durationMs } = execution;
  return outcome === "hit"
    ? [`it stood on the execution of run ${runId}, ${ago(startedAt, now)} in ${formatDuration(durationMs)}`]
    : [];
}
