/** The loss of one training stage as a chart: every logged step, the trend, and the validation points. */
import { lineChart } from "./line-chart.ts";
import { formatCompact, formatCount } from "./quantity.ts";
import { smooth, type Point } from "./smooth.ts";
import type { MetricsRecord } from "./training-metrics.ts";

export interface LossCurveInput {
  /** E.g. `pretrain: loss`. */
  readonly title: string;
  readonly metrics: readonly MetricsRecord[];
  /** Default: nats per token. */
  readonly yLabel?: string;
  /** Lines to compare with, e.g. a uniform guess (ln of the vocabulary size), or ln 2 for DPO. */
  readonly references?: readonly { readonly label: string; readonly y: number }[];
}

/** Returns an SVG document. Throws a RangeError where no record has a finite loss. */
export function lossCurve({
  title,
  metrics,
  yLabel = "loss (nats per token)",
  references,
}: LossCurveInput): string {
  const losses = finitePoints(metrics, "loss");
  const validation = finitePoints(metrics, "validationLoss");
  const trend = smooth(losses, { steepStart: true });
  return lineChart({
    title,
    subtitle: subtitle(metrics, losses, trend, validation),
    xLabel: stepLabel(metrics),
    yLabel,
    series: [
      { label: "each logged step", look: "noise", points: losses },
      { label: "trend", look: "trend", points: trend },
      ...(validation.length === 0
        ? []
        : [{ label: "validation", look: "measured" as const, points: validation }]),
    ],
    ...(references === undefined ? {} : { references }),
  });
}

/** The steps where `figure` was logged and finite. */
export function finitePoints(metrics: readonly MetricsRecord[], figure: string): readonly Point[] {
  return metrics.flatMap((record) => {
    const y = record[figure];
    return typeof y === "number" && Number.isFinite(y) ? [{ x: record.step, y }] : [];
  });
}

/** `step (8,192 tokens each)` where every step saw the same number of tokens. */
export function stepLabel(metrics: readonly MetricsRecord[]): string {
  const last = metrics.at(-1);
  const tokens = last?.["tokensSeen"];
  if (last === undefined || typeof tokens !== "number" || last.step === 0) return "step";
  const each = tokens / last.step;
  const even = metrics.every((record) => record["tokensSeen"] === record.step * each);
  return even ? `step (${formatCount(each)} tokens each)` : "step";
}

function subtitle(
  metrics: readonly MetricsRecord[],
  losses: readonly Point[],
  trend: readonly Point[],
  validation: readonly Point[],
): string {
  const first = losses[0];
  const trendEnd = trend.at(-1);
  if (first === undefined || trendEnd === undefined) throw new RangeError("no record has a finite loss");
  const tokens = metrics.at(-1)?.["tokensSeen"];
  const seen = typeof tokens === "number" ? ` and ${formatCompact(tokens)} tokens` : "";
  const lowest = [...validation].sort((a, b) => a.y - b.y)[0];
  const lost = metrics.length - losses.length;
  return [
    `${first.y.toFixed(3)} → ${trendEnd.y.toFixed(3)} in ${formatCount(trendEnd.x)} steps${seen}`,
    ...(lowest === undefined
      ? []
      : [`lowest validation ${lowest.y.toFixed(3)} at step ${formatCount(lowest.x)}`]),
    ...(lost === 0
      ? []
      : [`${formatCount(lost)} of ${formatCount(metrics.length)} records without a finite loss`]),
  ].join("; ");
}
