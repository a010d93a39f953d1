/** Stands in for the process that measures: a script in its place, and a cache folder of its own for what it answers. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeasurePlace } from "../../../src/cli/estimate/measure-now.ts";
import type { SpeedMeasurement } from "../../../src/train/measure-training.ts";
import { packageRoot } from "../../runner/project.ts";

/** 100 ms a call of 512 tokens at four layers, and an update that costs nothing. */
export const measurement: SpeedMeasurement = {
  engine: { kind: "tensorflow", version: "2.9.1", device: "cpu" },
  devices: 1,
  sequences: 4,
  sequenceLength: 128,
  callMs: { fixed: 60, layer: 10 },
  updateMs: { fixed: 0, layer: 0 },
};

export const answering = (answer: unknown): string =>
  `process.on("message", () => process.send(${JSON.stringify(answer)}, () => process.disconnect()));`;

export interface MeasuringRig extends Disposable {
  readonly place: MeasurePlace;
  readonly projectRoot: string;
  /** What was reported. */
  readonly said: string[];
  /** Puts a recipe of this repository into the project. */
  addRecipe(name: string): void;
}

export function measuringRig(script: string): MeasuringRig {
  const folder = mkdtempSync(join(tmpdir(), "measuring-"));
  const cacheBefore = process.env["XDG_CACHE_HOME"];
  process.env["XDG_CACHE_HOME"] = join(folder, "user-cache");
  writeFileSync(join(folder, "measure-process.mjs"), script);
  mkdirSync(join(folder, "configs"));
  const said: string[] = [];
  return {
    place: { compiledDirectory: folder, env: process.env, report: (message) => said.push(message) },
    projectRoot: folder,
    said,
    addRecipe: (name) =>
      copyFileSync(join(packageRoot, "configs", `${name}.yaml`), join(folder, "configs", `${name}.yaml`)),
    [Symbol.dispose]() {
      if (cacheBefore === undefined) delete process.env["XDG_CACHE_HOME"];
      else process.env["XDG_CACHE_HOME"] = cacheBefore;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
