import { expect, test } from "vitest";
import { decimate, lineChart } from "../../src/report/line-chart.ts";
import { lossCurve, stepLabel } from "../../src/report/loss-curve.ts";
import { trainingPage } from "../../src/report/training-page.ts";
import type { MetricsRecord } from "../../src/report/training-metrics.ts";

const metrics: readonly MetricsRecord[] = Array.from({ length: 40 }, (_, index) => ({
  step: index + 1,
  loss: 3 + 6 / (index + 1),
  learningRate: 0.001,
  tokensSeen: (index + 1) * 512,
  ...(index % 10 === 9 ? { validationLoss: 4 - index / 40 } : {}),
}));

/** Every element is closed, in order; attributes are quoted. Enough for markup without CDATA. */
function expectWellFormed(xml: string): void {
  const open: string[] = [];
  const tags = /<(\/?)([a-z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/giu;
  const rest = xml.replace(
    tags,
    (_, close: string, name: string, _attributes: string, selfClosed: string) => {
      if (close !== "") expect(open.pop()).toBe(name);
      else if (selfClosed === "") open.push(name);
      return "";
    },
  );
  expect(open).toEqual([]);
  expect(rest).not.toMatch(/[<>]/);
}

const coordinates = (svg: string, look: string) =>
  // The last such line: the first is the stroke of the legend.
  [...svg.matchAll(new RegExp(`class="${look}" points="([^"]+)"`, "g"))]
    .at(-1)?.[1]
    ?.split(" ")
    .map((pair) => pair.split(",").map(Number));

test("the loss curve is well-formed markup that needs no other file", () => {
  const svg = lossCurve({ title: 'a <b> & "c"', metrics });
  expectWellFormed(svg);
  expect(svg).toContain("<title>a &lt;b&gt; &amp; &quot;c&quot;</title>");
  expect(svg.replace("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:|@import|<script|url\((?!#)/);
});

test("the subtitle says where the loss went and where validation was lowest", () => {
  expect(lossCurve({ title: "loss", metrics })).toContain(
    "9.000 → 3.150 in 40 steps and 20.5k tokens; lowest validation 3.025 at step 40",
  );
});

test("a falling loss is drawn downwards and to the right, inside the picture", () => {
  const points = coordinates(lossCurve({ title: "loss", metrics }), "noise") ?? [];
  expect(points).toHaveLength(40);
  for (const [index, [x = NaN, y = NaN]] of points.entries()) {
    const [beforeX = -Infinity, beforeY = -Infinity] = points[index - 1] ?? [];
    expect(x).toBeGreaterThan(beforeX);
    expect(y).toBeGreaterThanOrEqual(beforeY);
    expect(x).toBeLessThanOrEqual(880);
    expect(y).toBeLessThanOrEqual(440);
  }
});

test("records without a finite loss are left out and counted", () => {
  const svg = lossCurve({ title: "loss", metrics: [...metrics, { step: 41, loss: null }] });
  expect(svg).toContain("1 of 41 records without a finite loss");
  expect(svg).not.toContain("NaN");
  expect(() => lossCurve({ title: "loss", metrics: [{ step: 1, loss: null }] })).toThrow(RangeError);
});

test("a run of one step is a dot", () => {
  const svg = lossCurve({ title: "loss", metrics: [{ step: 1, loss: 9.2 }] });
  expect(svg).toContain("<circle");
  expect(svg).not.toMatch(/NaN|Infinity/);
});

test("one spike does not set the scale, and stays within the clip path", () => {
  const spiked = Array.from({ length: 1000 }, (_, index) => ({
    step: index + 1,
    loss: index === 500 ? 900 : 3,
  }));
  const svg = lineChart({
    title: "t",
    xLabel: "x",
    yLabel: "y",
    series: [{ label: "raw", look: "noise", points: spiked.map(({ step, loss }) => ({ x: step, y: loss })) }],
  });
  expect(svg).not.toContain(">900<");
  expect(svg).toContain('<g clip-path="url(#plot-t)">');
});

test("decimation keeps the lowest and the highest point of every stretch", () => {
  const points = Array.from({ length: 100_000 }, (_, x) => ({ x, y: x === 77_777 ? 50 : x === 3 ? -50 : 0 }));
  const kept = decimate(points, 1000);
  expect(kept.length).toBeLessThanOrEqual(1000);
  expect(kept).toContainEqual({ x: 77_777, y: 50 });
  expect(kept).toContainEqual({ x: 3, y: -50 });
  expect(kept.map(({ x }) => x)).toEqual([...kept.map(({ x }) => x)].sort((a, b) => a - b));
  expect(decimate(points.slice(0, 10), 1000)).toHaveLength(10);
});

test("tokens of a step are named only where every step has as many", () => {
  expect(stepLabel(metrics)).toBe("step (512 tokens each)");
  expect(
    stepLabel([
      { step: 1, loss: 1, tokensSeen: 10 },
      { step: 2, loss: 1, tokensSeen: 30 },
    ]),
  ).toBe("step");
  expect(stepLabel([{ step: 1, loss: 1 }])).toBe("step");
});

test("the page holds the figures, the loss curve and a chart for each other figure", () => {
  const page = trainingPage({
    title: "pretrain: loss",
    heading: "Pretraining",
    metrics,
    figures: [{ label: "parameters", value: "1,245,312" }],
  });
  expect(page.match(/<svg/g)).toHaveLength(2);
  expect(page).toContain("<dt>parameters</dt><dd>1,245,312</dd>");
  expect(page).toContain(">Learning rate</text>");
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
});
