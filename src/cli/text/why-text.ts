/** Why a stage is cached or must run, and what its fingerprint is made of. */
import { countOf, formatDuration } from "../../report/quantity.ts";
import type { WhyReport } from "../../runner/session-types.ts";
import type { ComparedParts } from "../../runner/why-types.ts";
import type { Paint } from "../paint.ts";
import { remarkText } from "../../lineage/remark-text.ts";
import { decisionLooks, leftTexts } from "./decision.ts";
import { originText } from "./origin-text.ts";
import { shortDigest } from "./short-digest.ts";
import { fateLines } from "./lineage-text.ts";
import { ago } from "./status-text.ts";
import { table, type Cell } from "./table.ts";
import { reasonChain } from "./why-chain-text.ts";

const verdicts = {
  hit: "is cached: nothing that decides its result has changed",
  run: "must run",
  resume: "was interrupted and goes on",
} as const;

export function whyText(report: WhyReport, now: number, paint: Paint): string {
  const look = decisionLooks[report.decision];
  const name = report.name === report.id ? "" : ` (${report.name})`;
  return [
    `${paint(look.style, look.mark)} ${paint("bold", report.id)}${name} ${verdicts[report.decision]}`,
    ...behind(report).map((line) => `  ${line}`),
    ...executionLines(report, now),
    "",
    "what its fingerprint is made of",
    ...table(ingredients(report), paint).map((line) => `  ${line}`),
  ].join("\n");
}

/** For a hit, what was compared; otherwise the reasons and what stands behind them. */
function behind(report: WhyReport): readonly string[] {
  if (report.decision === "hit") return [`compared and equal: ${comparedText(report.compared)}`];
  const from = report.resumeStep === undefined ? [] : [`- from step ${report.resumeStep}`];
  const inputs = Object.fromEntries(
    Object.entries(report.inputs).map(([name, { stageId }]) => [name, stageId]),
  );
  return [
    ...from,
    ...reasonChain({ reasons: report.reasons, inputs }, report.upstream),
    ...leftTexts(report.leaves ?? []).map((text) => `- ${text}`),
  ];
}

function comparedText({ params, inputs, sourceFiles, packages, environment }: ComparedParts): string {
  return [
    countOf(params, "param"),
    countOf(inputs, "input"),
    countOf(sourceFiles, "source file"),
    countOf(packages, "package"),
    ...(environment === 0 ? [] : [countOf(environment, "fact") + " of the environment"]),
  ].join(", ");
}

function executionLines({ execution, decision }: WhyReport, now: number): readonly string[] {
  if (execution === undefined) return [];
  const { runId, startedAt, durationMs, resumedFrom, extended, remarks = [], logFile, origin } = execution;
  const which = decision === "hit" ? "executed" : "last executed, with other ingredients,";
  const resumed = resumedFrom.length === 0 ? "" : `, resumed at step ${resumedFrom.join(" and ")}`;
  const continued =
    extended === undefined
      ? []
      : [`went on from step ${extended.step} of the finished execution ${shortDigest(extended.fingerprint)}`];
  return [
    "",
    `${which} ${ago(startedAt, now)} in ${formatDuration(durationMs)}${resumed}, in run ${runId}`,
    ...continued,
    ...remarks.map(remarkText),
    ...fateLines(execution, now),
    origin === undefined ? `log: ${logFile}` : originText(origin),
  ];
}

function ingredients(report: WhyReport): readonly (readonly Cell[])[] {
  const row = (name: string, text: string): readonly Cell[] => [{ text: name, style: "dim" }, { text }];
  const rows = (name: string, entries: readonly string[]) =>
    entries.map((text, index) => row(index === 0 ? name : "", text));
  const inputs = Object.entries(report.inputs).map(
    ([name, { stageId, output, digest }]) =>
      `${name}: ${stageId}.${output} ${digest === null ? "(not known before it has run)" : shortDigest(digest)}`,
  );
  const params = Object.entries(report.params).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  const environment = Object.entries(report.environment).map(
    ([name, value]) => `${name}: ${JSON.stringify(value)}`,
  );
  const packages = Object.entries(report.packages).map(([name, version]) => `${name} ${version}`);
  return [
    row("fingerprint", report.fingerprint ?? "not known before its inputs are"),
    ...rows("params", params),
    ...rows("inputs", inputs),
    row("source", shortDigest(report.sourceDigest)),
    ...rows("packages", packages),
    ...rows("environment", environment),
  ];
}
