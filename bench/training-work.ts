/** `training-work.mjs FILE OPTIONS`: trains a tokenizer on a file's lines in a process of its own, whose memory it tells. */
import { createReadStream } from "node:fs";
import type { BpeModel } from "../src/tokenizer/bpe-model.ts";
import { trainBpe, type TrainBpeOptions } from "../src/tokenizer/train-bpe.ts";

export interface TrainingWork {
  readonly seconds: number;
  /** Most resident memory that the process ever had. */
  readonly peakBytes: number;
  readonly model: BpeModel;
}

const [path = "", options = ""] = process.argv.slice(2);
const start = performance.now();
const model = await trainBpe(lines(path), JSON.parse(options) as TrainBpeOptions);
const seconds = (performance.now() - start) / 1000;
const peakBytes = process.resourceUsage().maxRSS * 1024;
process.stdout.write(JSON.stringify({ seconds, peakBytes, model } satisfies TrainingWork));

/** Lines with their ends: what Hugging Face takes for the texts of a file. */
async function* lines(file: string): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of createReadStream(file, { encoding: "utf8", highWaterMark: 1 << 18 })) {
    const found = (rest + String(chunk)).split(/(?<=\n)/);
    rest = found.pop() ?? "";
    yield* found;
  }
  if (rest !== "") yield rest;
}
