/** Options that several commands have, and how their values are read. */
import { InvalidArgumentError, Option, type Command } from "commander";

export type JsonOption = { readonly json?: boolean };

export const jsonOption = (): Option => new Option("--json", "machine-readable output on standard output");

/** Which recipe the command means. */
export function recipe(command: Command): Command {
  return command
    .option("--config <file|name>", "a recipe: a YAML file, or NAME for configs/NAME.yaml")
    .option(
      "--set <path=value>",
      "change one value of the recipe, e.g. pretrain.steps=400; repeatable",
      collect,
      [],
    );
}

/** Which of the targets' stages run, and which of them even if cached. */
export function selection(command: Command): Command {
  const stages = (flag: string, does: string) =>
    new Option(`--${flag} <stage>`, `${does}; repeatable`).argParser(collect).default([], "none");
  return command
    .addOption(stages("force", "run this stage even if it is cached"))
    .addOption(stages("from", "run this stage and whatever follows it even if cached"))
    .addOption(stages("until", "end with this stage: nothing that follows it runs"))
    .addOption(stages("only", "run this stage and no other: what it needs must be cached"));
}

export function sampling(command: Command, maxTokens: number): Command {
  return command
    .option("--stage <id>", "whose model speaks (default: the most finished one)")
    .option("--max-tokens <n>", "how many tokens it may write", atLeast(1), maxTokens)
    .option("--temperature <t>", "0 takes the most likely token always", within(0, 100), 0.8)
    .option("--top-k <k>", "choose among the k most likely tokens; 0: all", atLeast(0), 50)
    .option("--top-p <p>", "choose among the tokens that make up this share", share, 0.95)
    .option(
      "--repetition-penalty <x>",
      "above 1: make tokens less likely that were there before",
      above(0),
      1,
    )
    .option("--seed <n>", "the same seed gives the same text", atLeast(0), 0);
}

export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

export function atLeast(low: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < low)
      throw new InvalidArgumentError(`It must be a whole number from ${low} up.`);
    return value;
  };
}

export function within(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!(value >= low && value <= high))
      throw new InvalidArgumentError(`It must be a number from ${low} to ${high}.`);
    return value;
  };
}

/** Above 0, at most 1. */
function share(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!(value > 0 && value <= 1))
    throw new InvalidArgumentError("It must be a number above 0 and at most 1.");
  return value;
}

function above(low: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!(value > low && Number.isFinite(value)))
      throw new InvalidArgumentError(`It must be a number above ${low}.`);
    return value;
  };
}

const DURATION_MS = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 } as const;

/** `12h`, `30d`, `2w`, in milliseconds. */
export function duration(text: string): number {
  const [, amount = "", unit] = /^(\d+(?:\.\d+)?)\s*([hdw])$/.exec(text) ?? [];
  if (unit !== "h" && unit !== "d" && unit !== "w")
    throw new InvalidArgumentError("It must be hours, days or weeks, e.g. 12h, 30d or 2w.");
  return Number(amount) * DURATION_MS[unit];
}

const SIZE_BYTES = { "": 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 } as const;

/** `500MB`, `50GB`, `1.5 TB`: powers of 1000, as sizes are shown. */
export function byteSize(text: string): number {
  const [, amount = "", scale] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)b?$/.exec(text.toLowerCase()) ?? [];
  if (scale !== "" && scale !== "k" && scale !== "m" && scale !== "g" && scale !== "t")
    throw new InvalidArgumentError("It must be a size, e.g. 500MB or 50GB.");
  return Math.round(Number(amount) * SIZE_BYTES[scale]);
}
