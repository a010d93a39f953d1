/** What a recipe will cost, as a page for people. */
import {
  formatBytes,
  formatCompact,
  formatCount,
  formatDuration,
  formatFigure,
  formatFlops,
} from "../../report/quantity.ts";
import type { DiskEstimate } from "../../train/estimate-disk.ts";
import { gradientBytesPerSecond } from "../../train/estimate-devices.ts";
import type { RecipeEstimate } from "../estimate/estimate-recipe.ts";
import type { Paint } from "../paint.ts";
import { table, type Cell } from "./table.ts";

export function estimateText(estimate: RecipeEstimate, paint: Paint): string {
  const sections = [
    parameterSection(estimate, paint),
    workSection(estimate, paint),
    memorySection(estimate, paint),
    diskSection(estimate.disk, paint),
    timeSection(estimate, paint),
    tuningSection(estimate, paint),
    problemSection(estimate, paint),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n");
}

const right = (text: string): Cell => ({ text, align: "right" });
const note = (text: string): Cell => ({ text, style: "dim" });

const section = (title: string, rows: readonly (readonly Cell[])[], paint: Paint): readonly string[] => [
  paint("bold", title),
  ...table(rows, paint).map((line) => `  ${line}`),
];

function parameterSection({ config, parameters }: RecipeEstimate, paint: Paint): readonly string[] {
  const row = (name: string, count: number, why = ""): Cell[] => [
    { text: name },
    right(formatCount(count)),
    note(why),
  ];
  return section(
    `${config}: ${formatCount(parameters.total)} parameters`,
    [
      row("embedding", parameters.embedding, "reads tokens and, tied, writes logits"),
      row("attention", parameters.attention),
      row("feed-forward", parameters.feedForward, "three matrices a layer: gate, up and down"),
      row("norms", parameters.norms, "a gain each, no bias"),
      row(
        "by rule of thumb",
        parameters.naive,
        "wrong: two feed-forward matrices a layer, and two vectors a norm",
      ),
    ],
    paint,
  );
}

function workSection({ pretrain }: RecipeEstimate, paint: Paint): readonly string[] {
  const again = pretrain.flopsPerToken / pretrain.modelFlopsPerToken;
  return section(
    "pretraining",
    [
      [{ text: "tokens a step" }, right(formatCount(pretrain.tokensPerStep))],
      [{ text: "steps" }, right(formatCount(pretrain.steps))],
      [{ text: "tokens" }, right(formatCompact(pretrain.tokens))],
      [
        { text: "FLOPs a token" },
        right(formatCompact(pretrain.modelFlopsPerToken)),
        note(
          `6N + 12·L·C·T (PaLM, arXiv:2204.02311); the program's products are ${formatFigure(again)} of that`,
        ),
      ],
    ],
    paint,
  );
}

function memorySection({ pretrain, machine }: RecipeEstimate, paint: Paint): readonly string[] {
  const { memory, keptForBackward } = pretrain;
  const row = (name: string, bytes: number, why = ""): Cell[] => [
    { text: name },
    right(formatBytes(bytes)),
    note(why),
  ];
  const { devices } = pretrain;
  const each = devices === 1 ? "" : `, on each of ${devices} devices`;
  const all =
    devices === 1 || machine.engine.device === "gpu"
      ? "with Node and the engine's libraries"
      : "on all devices, with Node, the engine's libraries, and gradients that they share";
  return section(
    `memory of pretraining, in float32${each}: ${formatBytes(memory.total)}`,
    [
      row("weights", memory.weights),
      row("moments", memory.moments, "two of AdamW for each weight"),
      row("accumulators", memory.accumulators, "gradients summed over micro-batches"),
      row(
        "activations",
        memory.activations,
        `at the fullest moment; the forward pass leaves ${formatBytes(keptForBackward)} for the backward pass`,
      ),
      row("logits", memory.logits, "at that moment, with their gradient"),
      row("working", memory.working, "at that moment: gradients and values in between"),
      row("largest stage", machine.neededMemoryBytes, all),
    ],
    paint,
  );
}

function diskSection(disk: DiskEstimate, paint: Paint): readonly string[] {
  const row = (name: string, bytes: number, why = ""): Cell[] => [
    { text: name },
    right(formatBytes(bytes)),
    note(why),
  ];
  return section(
    `disk: about ${formatBytes(disk.total)}`,
    [
      row("downloads", disk.downloads, "kept in the cache: packages, and parts of remote files"),
      row("corpus", disk.corpus),
      row("tokens, shards", disk.shards, `about ${formatCompact(disk.tokens)} tokens, twice`),
      row(
        "mixing",
        disk.mixing,
        "in between, while shard runs; in the total where that is the fullest moment",
      ),
      row("checkpoints", disk.checkpoints, "weights and moments, of those kept and the one being written"),
      row("models", disk.models, "base, fine-tuned, aligned"),
      row("bundle", disk.bundle),
    ],
    paint,
  );
}

function fitCell({ needs, tooLarge }: RecipeEstimate["devices"][number]): Cell {
  if (tooLarge.length > 0)
    return { text: `too small for ${tooLarge.join(", ")}, also with recompute: blocks`, style: "red" };
  if (needs.length === 0) return { text: "fits", style: "green" };
  const changes = needs.map(({ stage, recompute }) => `${stage}.recompute=${recompute}`);
  return { text: `fits with ${changes.join(", ")}`, style: "yellow" };
}

const hoursText = (hours: number): string => formatDuration(hours * 3_600_000);

function timeSection(
  { machine, pretrain, devices, assumedUtilisation }: RecipeEstimate,
  paint: Paint,
): readonly string[] {
  const { speed, engine } = machine;
  const count = pretrain.devices === 1 ? "" : `${pretrain.devices} × `;
  const here =
    speed === undefined
      ? []
      : [
          [
            { text: `here: ${count}${engine.kind} ${engine.version}, ${engine.device}` },
            right(formatCompact(speed.tokensPerSecond)),
            right(formatCompact(speed.tokensPerDay)),
            right(hoursText(speed.hours)),
            note(`predicted from ${speed.measuredAt.slice(0, 10)}: ${formatFlops(speed.flopsPerSecond)}`),
          ],
        ];
  const there = devices.map((estimate): Cell[] => [
    { text: estimate.device },
    right(formatCompact(estimate.tokensPerSecond)),
    right(formatCompact(estimate.tokensPerDay)),
    right(hoursText(estimate.hours)),
    fitCell(estimate),
  ]);
  const head = ["", "tokens/s", "tokens a day", "pretraining"].map((text, column): Cell => ({
    text,
    style: "dim",
    ...(column === 0 ? {} : { align: "right" }),
  }));
  const lines = section("time", [head, ...here, ...there], paint);
  const assumed = [
    `  GPUs at ${formatFigure(assumedUtilisation * 100)} % of the maker's TF32 peak, assumed and not measured: values are float32, and TensorFlow makes their`,
    "  products in TF32 there (NVIDIA_TF32_OVERRIDE=0 forbids it, at half the peak or less). Each must hold a whole device's memory.",
    ...(pretrain.devices === 1
      ? []
      : [
          `  Devices add up their gradients at ${formatBytes(gradientBytesPerSecond)}/s, measured between two processes on two cores, not between GPUs.`,
        ]),
  ];
  const measure =
    speed === undefined
      ? ["  For this machine: npx pipeline estimate --measure (ten seconds of training)."]
      : [];
  return [...lines, ...[...assumed, ...measure].map((line) => paint("dim", line))];
}

function tuningSection({ tuning }: RecipeEstimate, paint: Paint): readonly string[] {
  const perStage = tuning.map(({ stage, memory, stepsPer1000, tokensPer1000, secondsPer1000 }): Cell[] => [
    { text: stage },
    right(formatBytes(memory.total)),
    { text: `${formatCount(Math.ceil(stepsPer1000))} steps, ${formatCompact(tokensPer1000)} tokens` },
    note(secondsPer1000 === undefined ? "" : `${formatDuration(secondsPer1000 * 1000)} here`),
  ]);
  return section("of 1,000 rows (sft) or pairs (dpo), all epochs", perStage, paint);
}

function problemSection({ problems }: RecipeEstimate, paint: Paint): readonly string[] {
  return problems.flatMap(({ message, hint }) => [
    `${paint("red", "✖")} ${message}`,
    `  ${paint("cyan", "hint:")} ${hint}`,
  ]);
}
