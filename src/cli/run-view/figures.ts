/** A stage's figures in a few words: progress, current metrics, and what a finished artifact's summary says. */
import type { Progress } from "../../pipeline/stage.ts";
import { formatBytes, formatCompact, formatCount, formatFigure } from "../../report/quantity.ts";
import type { OutputRecord } from "../../runner/event.ts";
import type { JsonObject } from "../../std/json.ts";
import { printable } from "../text-width.ts";
import { unitsPerSecond, type Rate } from "./rate.ts";

/** `172 of 400 steps`, `12.3 MB of 35.2 MB`. */
export function amountText({ done, total, unit }: Progress): string {
  const amount = unit === "bytes" ? formatBytes : formatCount;
  const of = total === undefined ? "" : ` of ${amount(total)}`;
  return unit === "bytes" ? `${amount(done)}${of}` : `${amount(done)}${of} ${unit}`;
}

/** `10.5k tokens/s`; the stage's own figure where it reports one. */
export function speedText(progress: Progress, rate: Rate | undefined): string | undefined {
  const reported = progress.metrics?.["tokensPerSecond"];
  if (reported !== undefined) return `${formatCompact(reported)} tokens/s`;
  const perSecond = unitsPerSecond(rate);
  if (perSecond === undefined) return undefined;
  if (progress.unit === "bytes") return `${formatBytes(perSecond)}/s`;
  if (progress.unit === "steps" && perSecond < 1) return `${formatFigure(1 / perSecond)} s/step`;
  return `${formatCompact(perSecond)} ${progress.unit}/s`;
}

/** What decides whether training goes well stands first. */
const order = [
  "loss",
  "finalLoss",
  "validationLoss",
  "rewardAccuracy",
  "rewardMargin",
  "accuracy",
  "learningRate",
];
const rank = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);

/** `loss 3.412`, `learning rate 0.0012`; the most telling first. */
export function metricTexts(metrics: Progress["metrics"]): readonly string[] {
  return Object.entries(metrics ?? {})
    .filter(([name]) => name !== "tokensPerSecond")
    .sort(([a], [b]) => rank(a) - rank(b))
    .map(([name, value]) => `${words(name)} ${formatFigure(value)}`);
}

/** The plain figures of an artifact's summary, the most telling first; what is nested is left to `lineage`. */
export function summaryTexts(summary: JsonObject): readonly string[] {
  return Object.entries(summary)
    .flatMap(([name, value]) => {
      if (typeof value === "number") return [{ name, text: `${words(name)} ${figure(name, value)}` }];
      if (typeof value === "string" && value.length <= 40)
        return [{ name, text: `${words(name)} ${printable(value)}` }];
      return [];
    })
    .sort((a, b) => rank(a.name) - rank(b.name))
    .map(({ text }) => text);
}

/** Of several outputs each figure names its own: `corpus records 12,000`, `questions records 90`. */
export function outputTexts(outputs: Readonly<Record<string, OutputRecord>>): readonly string[] {
  const each = Object.entries(outputs).map(([name, { summary }]) => ({ name, texts: summaryTexts(summary) }));
  if (each.length < 2) return each.flatMap(({ texts }) => texts);
  const most = Math.max(...each.map(({ texts }) => texts.length));
  // The first figure of every output, then the second ones: a reader of few sees something of each.
  return Array.from({ length: most }, (_, rank) =>
    each.flatMap(({ name, texts }) => (texts[rank] === undefined ? [] : [`${name} ${texts[rank]}`])),
  ).flat();
}

function figure(name: string, value: number): string {
  if (/bytes$/i.test(name)) return formatBytes(value);
  return Number.isInteger(value) ? formatCount(value) : formatFigure(value);
}

/** `learningRate` → `learning rate`. */
function words(name: string): string {
  const known = spelled.get(name);
  if (known !== undefined) return known;
  const text = printable(name).replace(/([a-z0-9])([A-Z])/g, (_, before: string, after: string) => {
    return `${before} ${after.toLowerCase()}`;
  });
  spelled.set(name, text);
  return text;
}

/** Names are few, and met with every stage. */
const spelled = new Map<string, string>();
