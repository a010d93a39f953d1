/** A training stage on one page: its figures, its loss, and every other figure that it logged. Static HTML. */
import { lineChart } from "./line-chart.ts";
import { finitePoints, lossCurve, stepLabel, type LossCurveInput } from "./loss-curve.ts";
import { escapeMarkup } from "./markup.ts";
import { smooth } from "./smooth.ts";
import type { MetricsRecord } from "./training-metrics.ts";

export interface TrainingPageInput extends LossCurveInput {
  /** The page's heading, e.g. `Pretraining`. */
  readonly heading: string;
  /** What stands above the charts, e.g. `{label: "parameters", value: "1,245,312"}`. */
  readonly figures: readonly { readonly label: string; readonly value: string }[];
}

/** Figures that have a name of their own; others are titled by their key. */
const names: Readonly<Record<string, { readonly title: string; readonly yLabel: string }>> = {
  learningRate: { title: "Learning rate", yLabel: "learning rate" },
  gradientNorm: { title: "Gradient norm", yLabel: "global L2 norm before clipping" },
  tokensPerSecond: { title: "Speed", yLabel: "tokens per second" },
  rewardAccuracy: { title: "Reward accuracy", yLabel: "share of pairs" },
  rewardMargin: { title: "Reward margin", yLabel: "chosen − rejected (nats × beta)" },
};

/** Planned, not measured: a smooth line through them would only bend their corners. */
const exactFigures = new Set(["learningRate"]);
const notCharted = new Set(["step", "loss", "validationLoss", "tokensSeen"]);

/** Throws a RangeError where no record has a finite loss. */
export function trainingPage(input: TrainingPageInput): string {
  const { metrics } = input;
  const keys = [...new Set(metrics.flatMap((record) => Object.keys(record)))].filter(
    (key) => !notCharted.has(key) && finitePoints(metrics, key).length > 1,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeMarkup(input.heading)}</title>
<style>${pageStyle}</style>
</head>
<body>
<main>
<h1>${escapeMarkup(input.heading)}</h1>
<dl>
${input.figures.map(({ label, value }) => `<div><dt>${escapeMarkup(label)}</dt><dd>${escapeMarkup(value)}</dd></div>`).join("\n")}
</dl>
<figure>
${lossCurve(input)}
</figure>
<section>
${keys.map((key) => `<figure>\n${figureChart(key, metrics)}\n</figure>`).join("\n")}
</section>
</main>
</body>
</html>
`;
}

function figureChart(key: string, metrics: readonly MetricsRecord[]): string {
  const points = finitePoints(metrics, key);
  const { title, yLabel } = names[key] ?? { title: key, yLabel: key };
  return lineChart({
    title,
    xLabel: stepLabel(metrics),
    yLabel,
    series: exactFigures.has(key)
      ? [{ label: "as scheduled", look: "trend", points }]
      : [
          { label: "each logged step", look: "noise", points },
          { label: "trend", look: "trend", points: smooth(points, { span: 0.08 }) },
        ],
    width: 560,
    height: 300,
  });
}

const pageStyle = `
body{margin:0;background:#f4f6f8;color:#1f2328;font:16px/1.5 system-ui,-apple-system,"Segoe UI","Noto Sans",sans-serif}
main{max-width:1140px;margin:0 auto;padding:32px 20px}
h1{font-size:26px;margin:0 0 20px}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:0 0 20px}
dl div{background:#fff;border:1px solid #e1e5ea;border-radius:6px;padding:10px 14px}
dt{color:#57606a;font-size:13px}
dd{margin:0;font-size:19px;font-weight:600;font-variant-numeric:tabular-nums}
figure{margin:0 0 20px;background:#fff;border:1px solid #e1e5ea;border-radius:6px;overflow:hidden}
figure svg{display:block;width:100%;height:auto}
section{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:0 20px}
@media (prefers-color-scheme:dark){
body{background:#0a0e13;color:#e9eef4}
dl div,figure{background:#11161d;border-color:#262d36}
dt{color:#9aa4b0}
}
`;
