/**
 * A line chart as a self-contained SVG: no script, no font, no outside file; readable on light and dark
 * ground. It knows axes, lines, dots and labels, and nothing of losses.
 */
import { escapeMarkup } from "./markup.ts";
import { formatCompact, formatFigure } from "./quantity.ts";
import type { Point } from "./smooth.ts";
import { axis, type Axis } from "./ticks.ts";

export interface Series {
  readonly label: string;
  /** By rising x. */
  readonly points: readonly Point[];
  /** `noise` is thin and pale, `trend` strong, `measured` dots on a thin line. */
  readonly look: "noise" | "trend" | "measured";
}

export interface LineChart {
  readonly title: string;
  readonly subtitle?: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
  /** Horizontal lines to compare with. */
  readonly references?: readonly { readonly label: string; readonly y: number }[];
  /** Outer size in CSS pixels; default 880 × 440. */
  readonly width?: number;
  readonly height?: number;
}

interface Frame {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

/** Throws a RangeError where no series has a point. */
export function lineChart(chart: LineChart): string {
  const { width = 880, height = 440 } = chart;
  const all = chart.series.flatMap(({ points }) => points);
  if (all.length === 0) throw new RangeError(`${chart.title}: nothing to draw`);
  const ends = extent(all.map(({ x }) => x));
  // Steps count from 1: an axis that starts at 0 reads better and moves nothing visibly.
  const start = ends.low > 0 && ends.low < ends.high / 20 ? 0 : ends.low;
  const xAxis = axis(start, ends.high, width / 110, false);
  const values = valueRange(chart);
  const yAxis = axis(values.low, values.high, height / 60, true);

  const yTexts = yAxis.ticks.map(axisNumber);
  // A tick label's digit is about 7 px wide; the axis title stands left of the labels.
  const left = 42 + Math.max(3, ...yTexts.map((text) => text.length)) * 7;
  const right = width - 72;
  const top = chart.subtitle === undefined ? 58 : 78;
  const bottom = height - 54;
  const frame: Frame = {
    left,
    top,
    right,
    bottom,
    x: (value) => left + ((value - xAxis.low) / (xAxis.high - xAxis.low)) * (right - left),
    y: (value) => bottom - ((value - yAxis.low) / (yAxis.high - yAxis.low)) * (bottom - top),
  };
  const clip = `plot-${slug(chart.title)}`;
  const description = [chart.subtitle, `${chart.yLabel} by ${chart.xLabel}`].filter(Boolean).join("; ");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    `<title>${escapeMarkup(chart.title)}</title>`,
    `<desc>${escapeMarkup(description)}</desc>`,
    `<style>${chartStyle}</style>`,
    `<defs><clipPath id="${clip}"><rect x="${left - 2}" y="${top - 2}" width="${right - left + 4}" height="${bottom - top + 4}"/></clipPath></defs>`,
    `<rect class="paper" width="${width}" height="${height}" rx="6"/>`,
    `<text class="title" x="${left}" y="34">${escapeMarkup(chart.title)}</text>`,
    ...(chart.subtitle === undefined
      ? []
      : [`<text class="note" x="${left}" y="55">${escapeMarkup(chart.subtitle)}</text>`]),
    ...legend(chart.series, right),
    ...grid(xAxis, yAxis, frame),
    `<text class="note" text-anchor="middle" x="${(left + right) / 2}" y="${height - 14}">${escapeMarkup(chart.xLabel)}</text>`,
    `<text class="note" text-anchor="middle" transform="translate(18 ${(top + bottom) / 2}) rotate(-90)">${escapeMarkup(chart.yLabel)}</text>`,
    ...references(chart, frame),
    `<g clip-path="url(#${clip})">`,
    ...chart.series.flatMap((series) => lineOf(series, frame)),
    `</g>`,
    ...chart.series.flatMap((series) => dotsOf(series, frame)),
    ...endLabels(chart.series, frame, yAxis.step),
    `</svg>`,
  ].join("\n");
}

/** Rules are written out twice, not through custom properties: several SVG renderers know none. */
const chartStyle = `
.chart text{font:12px system-ui,-apple-system,"Segoe UI","Noto Sans","DejaVu Sans",sans-serif;fill:#57606a}
.chart .title{font-size:17px;font-weight:600;fill:#1f2328}
.chart .note{font-size:12.5px}
.chart .paper{fill:#fff}
.chart .grid{stroke:#e4e7eb;stroke-width:1}
.chart .base{stroke:#8c959f;stroke-width:1}
.chart .reference{stroke:#8c959f;stroke-width:1;stroke-dasharray:5 4}
.chart polyline{fill:none;stroke-linejoin:round;stroke-linecap:round}
.chart .noise{stroke:#a5c8f0;stroke-width:1}
.chart .trend{stroke:#0a5dc2;stroke-width:2.25}
.chart .measured{stroke:#c2540a;stroke-width:1.25}
.chart circle{fill:#fff;stroke:#c2540a;stroke-width:1.75}
.chart .trend-label{fill:#0a5dc2;font-weight:600}
.chart .measured-label{fill:#b34a05;font-weight:600}
@media (prefers-color-scheme:dark){
.chart text{fill:#9aa4b0}
.chart .title{fill:#e9eef4}
.chart .paper{fill:#11161d}
.chart .grid{stroke:#262d36}
.chart .base,.chart .reference{stroke:#6b7684}
.chart .noise{stroke:#2c5585}
.chart .trend{stroke:#6cb2ff}
.chart .measured{stroke:#f39a55}
.chart circle{fill:#11161d;stroke:#f39a55}
.chart .trend-label{fill:#6cb2ff}
.chart .measured-label{fill:#f39a55}
}
`;

/**
 * Everything but the highest and lowest half per cent of the noise: one spike must not flatten the rest. The
 * clip path cuts what is outside.
 */
function valueRange(chart: LineChart): { low: number; high: number } {
  const firm = chart.series
    .filter(({ look }) => look !== "noise")
    .flatMap(({ points }) => points.map(({ y }) => y));
  const noise = chart.series
    .filter(({ look }) => look === "noise")
    .flatMap(({ points }) => points.map(({ y }) => y));
  const sorted = Float64Array.from(noise).sort();
  const cut = Math.floor(sorted.length / 200);
  const ends = [sorted[cut], sorted[sorted.length - 1 - cut]].filter((value) => value !== undefined);
  return extent([...firm, ...ends, ...(chart.references ?? []).map(({ y }) => y)]);
}

/** Not Math.min(...values): a day-long run has more points than a call takes arguments. */
function extent(values: readonly number[]): { low: number; high: number } {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}

function grid(xAxis: Axis, yAxis: Axis, { left, right, top, bottom, x, y }: Frame): string[] {
  return [
    ...yAxis.ticks.flatMap((value) => [
      `<line class="grid" x1="${left}" x2="${right}" y1="${px(y(value))}" y2="${px(y(value))}"/>`,
      `<text text-anchor="end" x="${left - 9}" y="${px(y(value) + 4)}">${axisNumber(value)}</text>`,
    ]),
    ...xAxis.ticks.flatMap((value) => [
      `<line class="base" x1="${px(x(value))}" x2="${px(x(value))}" y1="${bottom}" y2="${bottom + 5}"/>`,
      `<text text-anchor="middle" x="${px(x(value))}" y="${bottom + 19}">${axisNumber(value)}</text>`,
    ]),
    `<line class="base" x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>`,
    `<line class="base" x1="${left}" x2="${left}" y1="${top}" y2="${bottom}"/>`,
  ];
}

/** Right-aligned above the plot: a stroke and a word for each series. */
function legend(series: readonly Series[], right: number): string[] {
  let end = right;
  return [...series].reverse().flatMap(({ label, look }) => {
    // No renderer is at hand to measure text; 6.6 px is a wide average of a 12 px sans.
    const start = end - label.length * 6.6 - 28;
    end = start - 14;
    return [
      look === "measured"
        ? `<circle cx="${px(start + 10)}" cy="30" r="3.25"/>`
        : `<polyline class="${look}" points="${px(start)},30 ${px(start + 20)},30"/>`,
      `<text x="${px(start + 26)}" y="34">${escapeMarkup(label)}</text>`,
    ];
  });
}

function references(chart: LineChart, { left, right, y }: Frame): string[] {
  return (chart.references ?? []).flatMap(({ label, y: value }) => [
    `<line class="reference" x1="${left}" x2="${right}" y1="${px(y(value))}" y2="${px(y(value))}"/>`,
    `<text text-anchor="end" x="${right - 4}" y="${px(y(value) - 6)}">${escapeMarkup(label)}</text>`,
  ]);
}

function lineOf({ points, look }: Series, frame: Frame): string[] {
  if (points.length < 2) return [];
  const drawn = look === "measured" ? points : decimate(points, (frame.right - frame.left) * 2);
  const vertices = drawn.map(({ x, y }) => `${px(frame.x(x))},${px(frame.y(y))}`);
  return [`<polyline class="${look}" points="${vertices.join(" ")}"/>`];
}

/** Measured points, and a series of one point, which no line shows. Not clipped: half a dot looks broken. */
function dotsOf({ points, look }: Series, frame: Frame): string[] {
  if (look !== "measured" && points.length > 1) return [];
  return points
    .map(({ x, y }) => ({ x: frame.x(x), y: frame.y(y) }))
    .filter(({ y }) => y >= frame.top && y <= frame.bottom)
    .map(({ x, y }) => `<circle cx="${px(x)}" cy="${px(y)}" r="3.25"/>`);
}

/** The last value of each firm series, beside its end; moved apart where they would overlap. */
function endLabels(series: readonly Series[], frame: Frame, step: number): string[] {
  const labels = series
    .filter(({ look }) => look !== "noise")
    .flatMap(({ look, points }) => {
      const last = points.at(-1);
      return last === undefined ? [] : [{ look, value: last.y, at: frame.y(last.y) + 4 }];
    })
    .sort((a, b) => a.at - b.at);
  let floor = -Infinity;
  return labels.map(({ look, value, at }) => {
    floor = Math.max(at, floor + 15);
    return `<text class="${look}-label" x="${frame.right + 8}" y="${px(floor)}">${endNumber(value, step)}</text>`;
  });
}

/**
 * At most about `limit` points with the same outline: each stretch gives its lowest and its highest point, so
 * no spike is lost and a run of millions of steps stays a small file.
 */
export function decimate(points: readonly Point[], limit: number): readonly Point[] {
  if (points.length <= limit) return points;
  const buckets = Math.max(1, Math.floor(limit / 2));
  return Array.from({ length: buckets }, (_, bucket) => {
    const stretch = points.slice(
      Math.floor((bucket * points.length) / buckets),
      Math.floor(((bucket + 1) * points.length) / buckets),
    );
    const byValue = [...stretch].sort((a, b) => a.y - b.y);
    const pair = [byValue[0], byValue.at(-1)].filter((point) => point !== undefined);
    return new Set(pair.sort((a, b) => a.x - b.x));
  }).flatMap((pair) => [...pair]);
}

function axisNumber(value: number): string {
  return Math.abs(value) >= 10_000 ? formatCompact(value) : formatFigure(value);
}

/** Two digits finer than the ticks, where that is a short number. */
function endNumber(value: number, step: number): string {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(step)));
  return digits > 4 || Math.abs(value) >= 10_000 ? axisNumber(value) : value.toFixed(digits);
}

/** A tenth of a pixel is enough. */
function px(value: number): string {
  return String(Number(value.toFixed(1)));
}

function slug(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, "-");
}
